"""Credentials are revealed in one file, and their plaintext has no other door."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "mcpassport"


def uses(attribute: str) -> Iterator[str]:
    """Every file that reads this attribute of anything."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr == attribute:
                yield str(path.relative_to(SOURCE))


def test_a_secret_is_revealed_in_one_file() -> None:
    """`.reveal` is read where the fields of a credential are, and nowhere else."""
    assert set(uses("reveal")) == {"upstream/auth/fields.py"}


def test_no_text_asks_for_a_secret_by_name() -> None:
    """Neither `getattr(secret, "reveal")` nor the private slot is used outside its own class."""
    texts = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        if any(
            isinstance(node, ast.Constant) and node.value in {"reveal", "_value"}
            for node in ast.walk(ast.parse(path.read_text()))
        )
    }
    assert texts <= {"records/masked.py"}
