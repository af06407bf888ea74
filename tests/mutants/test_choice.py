"""Which mutants a short run takes, on real repositories of a few commits."""

import subprocess
from math import ceil
from pathlib import Path

import pytest
from tests.mutants.choice import ROTATED, Mutant, all_mutants, choose

BROKEN = "src/product.py"
CHECK = "src/mcpassport/evidence/checks/heading.py"
OWN = {2: {BROKEN}, 3: {CHECK}, 5: {"src/file5.py", "tests/mutants/C5.patch"}}
MUTANTS = [
    Mutant(
        Path(f"tests/mutants/C{number}.patch"),
        frozenset({f"C{number}"}),
        frozenset(OWN.get(number, ())),
    )
    for number in range(8)
]


def git(folder: Path, *arguments: str) -> None:
    """One git command by somebody made up."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path, file: str) -> None:
    """A commit that changes that file."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(path.read_text() + "x" if path.exists() else "x")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", f"change {file}")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit on main, and a branch that left it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "README.md")
    git(folder, "switch", "-qc", "topic")
    return folder


def names(mutants: tuple[Mutant, ...]) -> list[str]:
    return [each.patch.stem for each in mutants]


def test_without_a_change_the_rotation_decides(repository: Path) -> None:
    """Nothing is touched; some come by turn, and after enough commits every mutant had its turn."""
    seen: set[str] = set()
    for number in range(ceil(len(MUTANTS) / ROTATED)):
        commit(repository, f"notes{number}.md")
        chosen = choose(MUTANTS, repository)
        assert names(chosen.touched) == []
        assert len(chosen.rotated) == ROTATED
        assert chosen == choose(MUTANTS, repository), "the same for every process of a run"
        seen |= set(names(chosen.rotated))
    assert len(seen) == len(MUTANTS)


def test_what_a_branch_changed_is_touched(repository: Path) -> None:
    """Committed, changed or new: the broken file, the check, and the patch itself."""
    commit(repository, BROKEN)
    assert names(choose(MUTANTS, repository).touched) == ["C2"]
    (repository / "src" / "file5.py").write_text("new")
    chosen = choose(MUTANTS, repository)
    assert names(chosen.touched) == ["C2", "C5"]
    assert not set(chosen.touched) & set(chosen.rotated)
    commit(repository, CHECK)
    assert names(choose(MUTANTS, repository).touched) == ["C2", "C3", "C5"]


def test_a_change_on_main_touches_nothing_of_a_branch(repository: Path) -> None:
    """What counts is what differs from the place where the branch left."""
    git(repository, "switch", "-q", "main")
    commit(repository, BROKEN)
    git(repository, "switch", "-q", "topic")
    assert names(choose(MUTANTS, repository).touched) == []


@pytest.mark.parametrize(
    "file", ["src/mcpassport/evidence/bench.py", "src/mcpassport/lab/server.py"]
)
def test_what_every_check_uses_touches_every_mutant(file: str, repository: Path) -> None:
    """The harness itself changed: no mutant is left out."""
    commit(repository, file)
    chosen = choose(MUTANTS, repository)
    assert len(chosen.touched) == len(MUTANTS)
    assert chosen.rotated == ()


def test_a_clone_without_history_has_its_rotation(repository: Path, tmp_path: Path) -> None:
    """A shallow, detached clone without a main branch, and a folder without git at all."""
    commit(repository, BROKEN)
    clone = tmp_path / "clone"
    source = f"file://{repository}"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", "--branch", "topic", source, str(clone)], check=True
    )
    git(clone, "checkout", "-q", "--detach")
    git(clone, "remote", "remove", "origin")
    bare = tmp_path / "bare"
    bare.mkdir()
    for folder in (clone, bare):
        chosen = choose(MUTANTS, folder)
        assert (chosen.base, chosen.touched) == ("", ())
        assert len(chosen.rotated) == ROTATED
        assert "no main branch" in str(chosen)


def test_every_patch_is_read() -> None:
    """Each names its claims, the file that it breaks, and the check of each claim."""
    for mutant in all_mutants():
        assert mutant.claims
        assert any(file.startswith("src/mcpassport/") for file in mutant.files)
        assert any("/evidence/checks/" in file for file in mutant.files)


def test_every_mutant_applies_to_the_product_of_today() -> None:
    """A patch that no longer applies proves nothing; told at once, not only when it is run."""
    root = Path(__file__).parents[2]
    patches = [str(mutant.patch) for mutant in all_mutants()]
    for patch in patches:
        git(root, "apply", "--check", "--whitespace=nowarn", patch)
