"""Whatever people write, a load answers with findings: it never raises."""

import copy
import json
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpassport.integrations.lint import check
from mcpassport.integrations.load import load_content, load_folder
from mcpassport.integrations.marks import walk

Content: TypeAlias = dict[str, Any]

KEYS = st.sampled_from(
    ["kind", "notes", "list", "methods", "name", "properties", "type", "x", "", "a.b", "{{args.x}}"]
)
TEXTS = st.sampled_from(
    ["", "x", "{{args.x}}", "{{context.a}}", "{{credentials.token}}", "{{", "$", "[", "none", "a.*"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)
ROUNDS = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None
)


@ROUNDS
@given(st.data(), VALUES)
def test_any_value_at_any_place_of_a_content_is_answered(
    notes: Content, data: st.DataObject, value: Any
) -> None:
    """One spot of a good document holds anything: there are findings, or it is an integration."""
    content = copy.deepcopy(notes)
    paths = [path for path, _ in walk(content) if path]
    path = data.draw(st.sampled_from(paths))
    parent: Any = content
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = value
    loaded = load_content(content)
    report = check(loaded)
    errors = [finding for finding in loaded.findings if finding.severity == "error"]
    assert (loaded.integration is None) == bool(errors)
    assert all(finding.message and finding.mend and finding.where for finding in report.findings)


OVERLAYS = st.fixed_dictionaries(
    {},
    optional={
        "keep": VALUES | st.lists(st.sampled_from(["notes.*", "*.list", "x.y"]), max_size=2),
        "derive": VALUES
        | st.lists(
            st.fixed_dictionaries(
                {
                    "resource": TEXTS | st.just("memos"),
                    "from": TEXTS | st.just("notes"),
                    "args": st.dictionaries(
                        st.sampled_from(["id", "label", "state"]), VALUES, max_size=2
                    ),
                },
                optional={"words": st.dictionaries(TEXTS, TEXTS, max_size=2), "methods": VALUES},
            ),
            max_size=2,
        ),
        "patch": st.fixed_dictionaries(
            {},
            optional={
                "config": VALUES
                | st.fixed_dictionaries(
                    {"resources": st.dictionaries(st.just("notes"), VALUES, max_size=1)}
                ),
                "records": VALUES
                | st.dictionaries(st.sampled_from(["notes.list", "x.y"]), VALUES, max_size=2),
            },
        ),
    },
)


@ROUNDS
@given(OVERLAYS | VALUES)
def test_any_overlay_is_answered(notes_folder: Path, tmp_path: Path, overlay: Any) -> None:
    """An overlay of any shape over a good folder: findings, or an integration."""
    folder = tmp_path / "notes"
    (folder / "docs").mkdir(parents=True, exist_ok=True)
    for name in ("integration.yaml", "docs/notes.yaml"):
        (folder / name).write_bytes((notes_folder / name).read_bytes())
    (folder / "overlay.yaml").write_text(json.dumps(overlay), encoding="utf-8")
    loaded = load_folder(folder)
    errors = [finding for finding in loaded.findings if finding.severity == "error"]
    assert (loaded.integration is None) == bool(errors)
