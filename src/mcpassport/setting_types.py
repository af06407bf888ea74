"""Types of settings that are written in another form than they are used in."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator
from yarl import URL

from mcpassport.limits import LIMITS, Limits, limit_problem
from mcpassport.records.masked import KeyMaterial, MaskedUrl, SharedSecret

MASTER_KEY_BYTES: Final = 32
SECRET_MIN: Final = 32
CertificateHeader: TypeAlias = Literal["", "rfc9440", "nginx_escaped_pem", "xfcc"]
"""How a proxy passes on the certificate of a client; see `edge/certificates.py`."""
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
    found = {
        str(name): limit_problem(str(name), given, tuple(LIMITS)) for name, given in value.items()
    }
    wrong = {name: text for name, text in found.items() if text}
    if wrong:
        raise WrongLimits(wrong)
    return Limits(**value)


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


def shared_secret(value: object) -> SharedSecret | None:
    """A secret shared with a proxy, hidden from now on."""
    if value is None or isinstance(value, SharedSecret):
        return value
    if not isinstance(value, str) or not VISIBLE.fullmatch(value) or len(value) < SECRET_MIN:
        raise ValueError(f"the secret is not at least {SECRET_MIN} visible ASCII characters")
    return SharedSecret(value.encode())


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


def is_plain_address(value: str) -> bool:
    """Whether it is an http or https address without user, query and fragment."""
    if not VISIBLE.fullmatch(value):
        return False
    try:
        url = URL(value)
    except ValueError:
        return False
    extra = url.query_string or url.fragment or url.user or url.password
    return url.scheme in {"http", "https"} and bool(url.host) and not extra


def to_origin(value: str) -> str:
    """An origin as browsers send it (RFC 6454, 6.2): lower case, no default port, no path."""
    try:
        url = URL(value)
    except ValueError:
        raise _not_an_origin(value) from None
    if (
        "*" in value
        or not is_plain_address(value)
        or url.raw_path not in {"", "/"}
        or value.endswith("/")
    ):
        raise _not_an_origin(value)
    return str(url.origin())


def _not_an_origin(value: str) -> ValueError:
    return ValueError(
        f"{value!r} is not an origin such as https://app.example or http://localhost:3000; "
        "there are no wildcards"
    )


def to_host(value: str) -> str:
    """A value of `Host`: lower case, with or without port."""
    try:
        url = URL(f"http://{value}")
    except ValueError:
        url = URL()
    if (
        "*" in value
        or not is_plain_address(f"http://{value}")
        or url.raw_path != "/"
        or value.endswith("/")
    ):
        raise ValueError(f"{value!r} is not a host such as mcp.example or mcp.example:8443")
    return value.lower()


def _each(rule: Callable[[str], str]) -> AfterValidator:
    return AfterValidator(lambda values: tuple(rule(value) for value in values))


Origins: TypeAlias = Annotated[Listed, _each(to_origin)]
Hosts: TypeAlias = Annotated[Listed, _each(to_host)]
