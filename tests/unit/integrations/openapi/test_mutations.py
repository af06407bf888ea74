"""A description with a mistake anywhere is imported or refused, never answered with a crash."""

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support.descriptions import CASES, SMALL, write_folder

from mcpassport.catalog.build import build
from mcpassport.errors import InvalidIntegration
from mcpassport.integrations.load import load_folder
from mcpassport.integrations.openapi import import_openapi

SHOP = json.loads((CASES / "shop-2.0" / "spec.json").read_text())

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(
        [
            *(
                "#/components/schemas/Thing",
                "#",
                "#/",
                "#/paths",
                "object",
                "array",
                "query",
                "path",
            ),
            *(
                "https://a.example",
                "{{args.x}}",
                "/{a}/{a}",
                "..",
                "\u202e",
                "a\nb",
                "3.0.1",
                "2.0",
            ),
        ]
    )
)
KEYS = st.sampled_from(
    [
        *(
            "$ref",
            "type",
            "properties",
            "allOf",
            "oneOf",
            "items",
            "required",
            "schema",
            "in",
            "name",
        ),
        *("get", "put", "parameters", "responses", "content", "200", "nullable", "enum", "default"),
        *("pattern", "format", "description", "/things", "/{a}", "servers", "security", "tags"),
    ]
) | st.text(max_size=4)
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, member in value.items():
            found += places(member, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += places(item, (*path, index))
    return found


def put(root: Any, path: tuple[Any, ...], value: Any) -> None:
    """Replace what stands at a path, as long as it is still there."""
    for key in path[:-1]:
        try:
            root = root[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(root, dict) or (isinstance(root, list) and path[-1] in range(len(root))):
        root[path[-1]] = value


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A sound description of either dialect with up to three mistakes."""
    base = draw(st.sampled_from([SMALL, SHOP]))
    value = copy.deepcopy(base)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(base)))
        if draw(st.booleans()):
            path = (*path[:-1], draw(KEYS))
        put(value, path, draw(JUNK))
    return value


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutated())
@example({**SMALL, "paths": {"/a": {"$ref": "#/paths/~1a"}}})
@example({**SMALL, "components": {"schemas": {"Thing": {"$ref": "#/components/schemas/Thing"}}}})
@example({**SMALL, "info": {"title": "\u0000" * 99}})
def test_no_mistake_in_a_description_crashes_the_importer(value: Any) -> None:
    """It is refused in words, or gives a folder that loads and whose tools build."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "spec.json").write_text(json.dumps(value))
        try:
            imported = import_openapi(folder / "spec.json", name=None)
        except InvalidIntegration:
            return
        loaded = load_folder(write_folder(imported, folder / "out"))
        assert [item for item in loaded.findings if item.severity == "error"] == []
        assert loaded.integration is not None
        dropped = build(loaded.integration).dropped
        assert {item.rule for item in dropped} <= {"empty_description", "name_collision"}
