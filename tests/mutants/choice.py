"""Which mutants a short run takes: those that a change touches, and a few more by rotation.

    python -m tests.mutants.choice    says which, and why

A mutant is touched by a change to the file that its patch breaks, to the patch, to the check of a
claim that it names, or to what every check uses (`SHARED`). A change is what differs from the place
where this branch left the main one, uncommitted files included. Where that place is not known, as
in a shallow clone, nothing counts as touched. The rotation goes on with each commit, so that it is
the same for every process of a run; where the count of commits means nothing, the commit's own name
decides.
"""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mcpassport.evidence.checks import CHECKS

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
ROTATED: Final = 2
"""Mutants that every run takes, touched or not."""
MAINS: Final = ("origin/main", "main", "origin/HEAD")
SHARED: Final = (
    "src/mcpassport/evidence/",
    "src/mcpassport/lab/",
    "src/mcpassport/sandbox.py",
    "tests/mutants/test_mutants.py",
    "tests/mutants/choice.py",
)
OWN: Final = ("src/mcpassport/evidence/checks/", "src/mcpassport/evidence/claims/")
"""Of those, what belongs to single claims."""


@dataclass(frozen=True)
class Mutant:
    """A patch: the claims that must turn red, and the files that a change to it may stand in."""

    patch: Path
    claims: frozenset[str]
    files: frozenset[str]

    def touched(self, changed: Sequence[str]) -> bool:
        """Whether a change to these files is a change to this mutant."""
        return any(file in self.files or _is_shared(file) for file in changed)


@dataclass(frozen=True)
class Choice:
    """What a run takes, and why."""

    touched: tuple[Mutant, ...]
    rotated: tuple[Mutant, ...]
    base: str
    """The commit that changes are counted from; empty when it is not known."""

    @property
    def mutants(self) -> frozenset[Path]:
        """Every patch that was chosen."""
        return frozenset(each.patch for each in self.touched + self.rotated)

    def __str__(self) -> str:
        since = f"since {self.base[:10]}" if self.base else "(no main branch here)"
        touched, rotated = (
            ", ".join(each.patch.stem for each in found) or "none"
            for found in (self.touched, self.rotated)
        )
        return f"mutants touched {since}: {touched}; by rotation: {rotated}"


def read(patch: Path) -> Mutant:
    """The mutant of a patch file."""
    lines = patch.read_text().splitlines()
    claims = frozenset(lines[0].removeprefix("Red:").split())
    broken = {line.removeprefix("+++ b/") for line in lines if line.startswith("+++ b/")}
    checks = {f"src/{CHECKS[claim].__module__.replace('.', '/')}.py" for claim in claims}
    return Mutant(patch, claims, frozenset({*broken, *checks, f"tests/mutants/{patch.name}"}))


def all_mutants(folder: Path = HERE) -> list[Mutant]:
    """Every mutant, in order of its name."""
    return [read(patch) for patch in sorted(folder.glob("*.patch"))]


def choose(mutants: Sequence[Mutant], root: Path = ROOT) -> Choice:
    """The mutants of a short run on the repository at that place."""
    base = _base(root)
    changed = _changed(root, base) if base else []
    touched = tuple(each for each in mutants if each.touched(changed))
    rest = [each for each in mutants if each not in touched]
    start = _turn(root) * ROTATED % len(rest) if rest else 0
    rotated = (rest[start:] + rest[:start])[:ROTATED]
    return Choice(touched, tuple(rotated), base)


def _is_shared(file: str) -> bool:
    return file.startswith(SHARED) and not file.startswith(OWN)


def _base(root: Path) -> str:
    """Where this branch left the main one: the newest such place of the names that exist."""
    for main in MAINS:
        if base := _git(root, "merge-base", "HEAD", main):
            return base
    return ""


def _changed(root: Path, base: str) -> list[str]:
    """Files that differ from that commit, committed or not, and files that git does not know."""
    listed = _git(root, "diff", "--name-only", base).splitlines()
    return listed + _git(root, "ls-files", "-o", "--exclude-standard").splitlines()


def _turn(root: Path) -> int:
    """A number that each commit has of its own."""
    if _git(root, "rev-parse", "--is-shallow-repository") == "false":
        return int(_git(root, "rev-list", "--count", "HEAD") or 0)
    return int(_git(root, "rev-parse", "HEAD")[:8] or "0", 16)


def _git(root: Path, *arguments: str) -> str:
    """What git prints; empty where it fails, or where there is no git at all."""
    try:
        ran = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return ran.stdout.strip()


if __name__ == "__main__":
    sys.stdout.write(f"{choose(all_mutants())}\n")
