"""Integrations for the tests: the notes fixture, and folders written on the spot."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeAlias

import pytest

from mcpassport.integrations.load import load_folder

Content: TypeAlias = dict[str, Any]
WriteFolder: TypeAlias = Callable[[Mapping[str, str]], Path]

NOTES = Path(__file__).parents[2] / "fixtures" / "integrations" / "notes"


@pytest.fixture(scope="session")
def notes_folder() -> Path:
    """The folder of the notes fixture."""
    return NOTES


@pytest.fixture
def notes() -> Content:
    """The content of the notes fixture, free to be changed."""
    return copy.deepcopy(load_folder(NOTES).content)


@pytest.fixture
def write_folder(tmp_path: Path) -> WriteFolder:
    """Write files into a fresh folder; the keys are their paths in it."""

    def write(files: Mapping[str, str]) -> Path:
        folder = tmp_path / "integration"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")
        return folder

    return write
