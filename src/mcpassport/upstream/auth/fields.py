"""The fields of an account's credential. The package `auth` is the only one that reveals a secret.

1. `reveal` is called here and nowhere else; the plaintext lives as long as the call.
2. A field that is absent, or that cannot be sent, means that the account has to be connected
   again; the message names the field, never its value.
"""

from dataclasses import dataclass

import msgspec

from mcpassport.errors import ReauthorizationRequired
from mcpassport.records.integration import Authorization
from mcpassport.records.masked import Secret
from mcpassport.upstream.query import sendable

_FIELDS = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True, slots=True, repr=False)
class Applied:
    """What a credential adds to a request."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Applied({len(self.headers)} headers, {len(self.query)} query values)"


class InHeaders:
    """What the kinds share that set headers only."""

    def query(self, _authorization: Authorization) -> tuple[str, ...]:
        """The names of the query values it sets."""
        return ()


def read_fields(secret: Secret) -> dict[str, str]:
    """The credential's fields by name."""
    try:
        return _FIELDS.decode(secret.reveal())  # (1)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ReauthorizationRequired from None


def field(fields: dict[str, str], *names: str) -> str:
    """The first of these fields that is there and not empty."""
    for name in names:
        if value := fields.get(name):
            return value
    raise ReauthorizationRequired(f"The account's credential has no field '{names[0]}'.")  # (2)


def header(name: str, value: str) -> tuple[str, str]:
    """A header of that value, if a header may hold it."""
    if not sendable(value):
        raise ReauthorizationRequired(  # (2)
            "The account's credential holds a character that no header may hold."
        )
    return name, value


def query_value(name: str, value: str) -> tuple[str, str]:
    """A query value, if it is text that can be sent: no control characters, not too long."""
    if not sendable(value) or "\t" in value:
        raise ReauthorizationRequired(  # (2)
            "The account's credential holds a character that cannot be sent."
        )
    return name, value
