"""The layers of `docs/architecture.md`, held per module.

A module imports from lower layers, or from structural files of its own package without a cycle;
imports are absolute and stand at the top of the file; a leaf never imports a leaf.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "mcpassport"

LAYERS: dict[str, int] = {
    "records": 0,
    "errors": 0,
    "limits": 0,
    "turns": 0,
    "setting_types": 0,
    "settings": 1,
    "expressions": 1,
    "http": 1,
    "store": 2,
    "catalog": 3,
    "gate": 3,
    "audit": 3,
    "upstream": 3,
    "observe": 3,
    "accounts": 4,
    "integrations": 4,
    "webhooks": 4,
    "evidence.claims": 4,
    "protocol": 5,
    "reference": 5,
    "evidence": 6,
    "jobs": 6,
    "edge": 7,
    "stated": 7,
    "owners": 8,
    "app": 9,
    "sandbox": 10,
    "serving": 10,
    "cli": 11,
    "__main__": 12,
}
"""Longest matching prefix wins; `lab` stands apart."""

LEAF_FOLDERS = (
    "gate.factors",
    "upstream.auth",
    "upstream.bodies",
    "upstream.paging",
    "reference.sections",
    "reference.renderers",
    "evidence.checks",
    "edge.api",
    "edge.middleware",
    "lab.faults",
)
"""Folders whose files are kinds: none knows its siblings, the table is in `__init__`."""

STRUCTURAL = {
    "edge.api": {
        *(
            "services",
            "principal",
            "problems",
            "incoming",
            "outgoing",
            "outgoing_account",
            "previews",
            "idempotency",
            "strict",
            "trail",
            "watching",
        ),
    },
    "edge.middleware": {"front"},
    "upstream.auth": {"fields", "templates"},
    "upstream.bodies": {"encoded"},
    "upstream.paging": {"turn", "next_query"},
}
"""Files in a folder of kinds that every kind may import."""

LAB_MAY_IMPORT = 0


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def layer_of(name: str) -> int | None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        found = LAYERS.get(".".join(parts[:length]))
        if found is not None:
            return found
    return None


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module of the project that the file imports, with its line."""
    known = {module_name(other) for other in modules()}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("mcpassport"):
                    yield alias.name.removeprefix("mcpassport").lstrip("."), node.lineno
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mcpassport"):
            base = (node.module or "").removeprefix("mcpassport").lstrip(".")
            for alias in node.names:
                full = f"{base}.{alias.name}".lstrip(".")
                yield (full if full in known else base), node.lineno


def package_of(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def problems_of(path: Path) -> Iterator[str]:
    name = module_name(path)
    own_layer = layer_of(name)
    for target, line in imported(path):
        if not target:
            continue
        where = f"{path.relative_to(ROOT)}:{line} imports {target}"
        if package_of(name) == "lab":
            if package_of(target) != "lab" and layer_of(target) != LAB_MAY_IMPORT:
                yield f"{where}: the lab imports layer 0 only"
            continue
        target_layer = layer_of(target)
        if package_of(target) == "lab" or target_layer is None or own_layer is None:
            yield f"{where}: it has no layer"
        elif package_of(target) != package_of(name) and target_layer >= own_layer > 0:
            yield f"{where}: layer {target_layer} from layer {own_layer}"
        elif own_layer == 0 and target_layer > 0:
            yield f"{where}: layer {target_layer} from layer 0"
        elif is_leaf(name) and is_leaf(target) and name != target:
            yield f"{where}: a leaf imports a leaf"


def is_leaf(name: str) -> bool:
    folder, _, last = name.rpartition(".")
    return folder in LEAF_FOLDERS and last not in STRUCTURAL.get(folder, set())


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_its_layer_may(path: Path) -> None:
    """Each import points to a lower layer, or to a structural file of the same package."""
    assert not list(problems_of(path))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_are_absolute_and_at_the_top(path: Path) -> None:
    """No relative import, none inside a function; behind a condition only an optional extra."""
    tree = ast.parse(path.read_text())
    top = {id(node) for node in tree.body} | {id(node) for node in extras(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno} is relative"
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert id(node) in top, f"line {node.lineno} is not at the top"


def extras(tree: ast.Module) -> Iterator[ast.stmt]:
    """Imports at the top that may be missing: `try: import x` / `except ModuleNotFoundError:`."""
    for node in tree.body:
        if isinstance(node, ast.Try) and [
            handler.type.id if isinstance(handler.type, ast.Name) else ""
            for handler in node.handlers
        ] == ["ModuleNotFoundError"]:
            yield from node.body


def test_no_import_cycle() -> None:
    """Modules form no cycle."""
    graph = {
        module_name(path): {target for target, _ in imported(path) if target} for path in modules()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done:
            return
        for target in sorted(graph.get(name, set()) - {name}):
            visit(target, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_an_upward_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule bites: a store that imports the gate is named with its line."""
    (tmp_path / "store").mkdir()
    (tmp_path / "gate").mkdir()
    (tmp_path / "gate" / "admit.py").write_text("")
    culprit = tmp_path / "store" / "bad.py"
    culprit.write_text("from mcpassport.gate.admit import Gate\n")
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert list(problems_of(culprit)) == ["store/bad.py:1 imports gate.admit: layer 3 from layer 2"]
