"""The reviewer's checklist, read from `checklist.yaml` beside this file."""

from importlib.resources import files
from typing import Final

import msgspec
import yaml
from msgspec import Struct

from mcpassport.evidence.claims.record import Asked, Row


class Checklist(Struct, frozen=True, forbid_unknown_fields=True):
    """The file: the numbered rows, terms asked by name, and the themes of NSA's guidance."""

    rows: tuple[Row, ...]
    asked: tuple[Asked, ...]
    themes: tuple[Asked, ...]


def _load() -> Checklist:
    text = files("mcpassport.evidence.claims").joinpath("checklist.yaml").read_text("utf-8")
    return msgspec.convert(yaml.safe_load(text), Checklist)


_CHECKLIST: Final = _load()
CHECKLIST: Final = _CHECKLIST.rows
ASKED: Final = _CHECKLIST.asked
THEMES: Final = _CHECKLIST.themes
