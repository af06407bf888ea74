"""The error envelope: what a caller learns about a failure, the same on every channel."""

from typing import Literal, TypeAlias

from msgspec import Struct

Whose: TypeAlias = Literal["caller", "upstream", "gateway"]


class RateLimit(Struct, frozen=True, omit_defaults=True):
    """Rate-limit facts in one dialect; `reset` is whole seconds from now."""

    limit: int | None = None
    remaining: int | None = None
    reset: int | None = None
    retry_after: int | None = None


class Retry(Struct, frozen=True):
    """Whether repeating the same request is safe, and how many seconds to wait first."""

    safe: bool
    after_seconds: int | None = None


class Envelope(Struct, frozen=True):
    """`error.data` of a JSON-RPC error, `_meta["mcpassport/error"]` of an `isError` result."""

    type: str
    message: str
    whose: Whose
    retry: Retry
    upstream_status: int | None = None
    ratelimit: RateLimit | None = None
    request_id: str | None = None
