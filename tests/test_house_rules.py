"""The house rules that a program can hold: sizes, words, docstrings, locks."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "mcpassport"
MODULE_LINES = 300
FUNCTION_LINES = 40
PARAMETERS = 6
BANNED_NAMES = {"utils", "helpers", "core", "common"}
MARKS = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
BARE_SUPPRESSION = re.compile(r"# noqa(?!: [A-Z]+\d+)|type: ignore(?!\[)")
REVEAL = re.compile(r"\.reveal\(")
REGISTRY = re.compile("py" + r"pi\.org|pythonhosted|registry\.npm" + "js|--index-url|--extra-index")


def tracked() -> list[Path]:
    """Every text file that belongs to the repo."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    paths = [ROOT / name for name in names]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


def sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def kinds(checkout: Path) -> set[str]:
    """The modes of every tracked file of a checkout, as git writes them."""
    listed = subprocess.run(
        ["git", "ls-files", "-s"], cwd=checkout, capture_output=True, text=True, check=True
    )
    return {line.split()[0] for line in listed.stdout.splitlines()}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    total = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    """A module has at most 300 lines, a function 40 lines and 6 parameters beside self."""
    assert len(path.read_text().splitlines()) <= MODULE_LINES
    for node in functions(path):
        assert code_lines(node) <= FUNCTION_LINES, f"{node.name} at line {node.lineno}"
        names = [argument.arg for argument in node.args.args + node.args.kwonlyargs]
        assert node.name == "__init__" or len(set(names) - {"self", "cls"}) <= PARAMETERS, (
            f"{node.name} at line {node.lineno} has {len(names)} parameters"
        )


def test_no_module_has_a_name_that_says_nothing() -> None:
    """No `utils`, `helpers`, `core` or `common` anywhere."""
    parts = {part for path in sources() for part in path.relative_to(SOURCE).with_suffix("").parts}
    assert not parts & BANNED_NAMES


def test_no_loose_end_is_left_in_the_code() -> None:
    """No marker of unfinished work, and no suppression without its rule."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix == ".py" and path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if MARKS.search(line) or BARE_SUPPRESSION.search(line)
    ]
    assert not found


def test_every_test_says_in_one_sentence_what_must_hold() -> None:
    """Each test function has a docstring."""
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in functions(path)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert not silent


def test_only_upstream_auth_reveals_a_secret() -> None:
    """`.reveal(` is called under `upstream/auth` and nowhere else."""
    places = {
        str(path.relative_to(SOURCE).parent)
        for path in sources()
        if path != SOURCE / "records" / "masked.py" and REVEAL.search(path.read_text())
    }
    assert places == {"upstream/auth"}


def test_no_file_names_a_package_registry_or_this_machine() -> None:
    """No address of a registry and no absolute path of a checkout is committed."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if REGISTRY.search(line) or f"{ROOT}/" in line
    ]
    assert not found


@pytest.mark.parametrize(
    "lock", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda p: p.name
)
def test_every_dependency_is_pinned_with_hashes(lock: Path) -> None:
    """Each requirement of a lock has one version and at least one hash."""
    entries = re.split(r"\n(?=[a-zA-Z0-9])", lock.read_text())
    pinned = [entry for entry in entries if re.match(r"[a-zA-Z0-9]", entry)]
    assert pinned
    for entry in pinned:
        assert re.match(r"\S+==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize(
    "lock",
    sorted((ROOT / "tests").rglob("package-lock.json")),
    ids=lambda path: path.parent.name,
)
def test_every_package_of_node_is_pinned_with_its_hash(lock: Path) -> None:
    """Each package of a lock has a version and a hash, and says nothing of where it came from."""
    packages = json.loads(lock.read_text())["packages"]
    installed = {name: package for name, package in packages.items() if name}
    assert installed
    for name, package in installed.items():
        assert package["version"], name
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


def test_every_file_is_a_file() -> None:
    """A link would lead to a place that another machine does not have."""
    assert kinds(ROOT) == {"100644", "100755"}


def test_a_planted_link_is_told_from_a_file(tmp_path: Path) -> None:
    """The check above is red where a link is tracked."""
    (tmp_path / "link").symlink_to("elsewhere")
    for command in (["init", "-q"], ["add", "link"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    assert kinds(tmp_path) == {"120000"}
