"""What a second factor is judged on, and what a kind of factor must offer."""

from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from mcpassport.records.grants import ApiToken

Verdict: TypeAlias = Literal["held", "missing", "wrong"]


class Evidence(Struct, frozen=True, kw_only=True):
    """Everything about one request that a factor may look at."""

    tenant: str
    """The tenant of the server that demands the factor."""
    now: datetime
    api_token_shown: bool = False
    """Whether anything stood where an API token travels."""
    api_token: ApiToken | None = None
    """The record of the API token shown, if it has one."""


class FactorKind(Protocol):
    """One kind of second factor. No I/O: admission has read what there is to read."""

    def judge(self, evidence: Evidence) -> Verdict:
        """`held` only when the factor is certain; whatever cannot be decided is `wrong`."""
        ...
