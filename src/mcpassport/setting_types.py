"""Types of settings that are written in another form than they are used in."""

import base64
import binascii
import re
from typing import Annotated, Final, TypeAlias

from pydantic import BeforeValidator

from mcpassport.limits import LIMITS, Limits
from mcpassport.records.masked import KeyMaterial, MaskedUrl

MASTER_KEY_BYTES: Final = 32
VISIBLE: Final = re.compile("[!-~]+")


class WrongLimits(ValueError):
    """Limits that are unknown or out of range, by name."""

    def __init__(self, wrong: dict[str, str]) -> None:
        super().__init__("; ".join(wrong.values()))
        self.wrong = wrong


def limits_of(value: object) -> Limits:
    """The limits that a table of name = number gives."""
    if isinstance(value, Limits):
        return value
    if not isinstance(value, dict):
        raise ValueError("write limits as a table of name = number")
    found = {str(name): _limit_problem(str(name), given) for name, given in value.items()}
    wrong = {name: text for name, text in found.items() if text}
    if wrong:
        raise WrongLimits(wrong)
    return Limits(**value)


def _limit_problem(name: str, given: object) -> str:
    if name not in LIMITS:
        return f"unknown limit {name!r}; the limits are {', '.join(sorted(LIMITS))}"
    ceiling = LIMITS[name].ceiling
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= ceiling:
        return f"{name} is a whole number from 1 to {ceiling} ({LIMITS[name].unit})"
    return ""


def key_material(value: object) -> KeyMaterial | None:
    """The key that a text in Base64 holds."""
    if value is None or isinstance(value, KeyMaterial):
        return value
    try:
        raw = base64.b64decode(str(value), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the master key is not Base64") from None
    if len(raw) != MASTER_KEY_BYTES:
        raise ValueError("the master key is not 32 bytes in Base64")
    return KeyMaterial(raw)


def masked_url(value: object) -> MaskedUrl | None:
    """A URL that may hold a password, hidden from now on."""
    if value is None or isinstance(value, MaskedUrl):
        return value
    if not isinstance(value, str) or not VISIBLE.fullmatch(value):
        raise ValueError(
            "write it as postgresql://user:password@host:port/database, or sqlite:////folder"
        )
    return MaskedUrl(value.encode())


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Listed: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_listed)]
