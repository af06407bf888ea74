"""Importing descriptions that a test gives as text or as a value."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.descriptions import SMALL, ImportText, ImportValue

from mcpassport.integrations.openapi import Imported, import_openapi


@pytest.fixture
def small() -> dict[str, Any]:
    """A small description, free to be changed."""
    return copy.deepcopy(SMALL)


@pytest.fixture
def import_text(tmp_path: Path) -> ImportText:
    """Import a description that is given as text or bytes."""

    def run(text: str | bytes) -> Imported:
        path = tmp_path / "spec.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return import_openapi(path, name=None)

    return run


@pytest.fixture
def import_value(tmp_path: Path) -> ImportValue:
    """Import a description that is given as a value."""

    def run(value: Any, **options: Any) -> Imported:
        path = tmp_path / "spec.json"
        path.write_text(json.dumps(value))
        return import_openapi(path, **({"name": None} | options))

    return run
