"""What a second factor is judged on, and what a kind of factor must offer."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol, TypeAlias

from joserfc.jwk import KeySet
from msgspec import Struct

from mcpassport.records.certificate import Shown
from mcpassport.records.grants import ApiToken

Verdict: TypeAlias = Literal["held", "missing", "wrong", "undecided"]
"""`undecided`: what it would be judged by is out of reach. Only `held` lets anybody in."""


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything about one request that a factor may look at."""

    tenant: str
    """The tenant of the server that demands the factor."""
    now: datetime
    api_token_shown: bool = False
    """Whether anything stood where an API token travels."""
    api_token: ApiToken | None = None
    """The record of the API token shown, if it has one."""
    certificate: Shown = Shown()
    """The client certificate, as a proxy that is believed passes it on."""
    identity_token: str | None = None
    """The identity token shown, unverified."""
    issuer_keys: KeySet | None = None
    """The keys of the issuer that the server names; None when there are none to be had."""

    def __repr__(self) -> str:
        return "Evidence(****)"

    __str__ = __repr__


class FactorKind(Protocol):
    """One kind of second factor. No I/O: admission has read what there is to read."""

    options: frozenset[str]
    """The members that a server may give beside `kind`."""

    def judge(self, evidence: Evidence, options: Mapping[str, Any]) -> Verdict:
        """`held` only when the factor is certain; whatever cannot be decided is `wrong`."""
        ...

    def problems(self, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """What is wrong with the options a server gives: member, message, mend."""
        ...
