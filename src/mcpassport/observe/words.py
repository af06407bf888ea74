"""The words that may stand in a label or an attribute; everything else is `other`."""

from typing import Final

from mcpassport.errors import MEANINGS
from mcpassport.limits import LEGACY_METHODS, MODERN_METHODS

OTHER: Final = "other"
OK: Final = "ok"
INTEGRATIONS_MAX: Final = 200
"""Integrations that get a label of their own; later ones share `other`."""

METHODS: Final = frozenset({*LEGACY_METHODS, *MODERN_METHODS})
OUTCOMES: Final = frozenset({OK, *(meaning.type for meaning in MEANINGS.values())})
REASONS: Final = frozenset(
    {
        *OUTCOMES,
        *("unknown_token", "revoked", "expired", "tenant_suspended", "grant_broken"),
        *("other_address", "factor_missing", "factor_invalid", "disconnected"),
        *("no_such_address", "origin", "host", "flood"),
    }
)
"""Why a request is refused, of strangers and of callers that we know."""


def known(word: str, words: frozenset[str]) -> str:
    """The word, when it is one of ours."""
    return word if word in words else OTHER


def http_class(status: int | None) -> str:
    """`2xx` and so on; `none` when there was no answer."""
    if status is None:
        return "none"
    return f"{status // 100}xx" if 100 <= status < 600 else OTHER  # noqa: PLR2004 RFC 9110, 15


class Names:
    """The first `limit` names get through, any later one is `other`."""

    def __init__(self, limit: int = INTEGRATIONS_MAX) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def bounded(self, name: str) -> str:
        """The name, while there is room for it; an empty one is `other`."""
        if name in self._seen:
            return name
        if not name or len(self._seen) >= self._limit:
            return OTHER
        self._seen.add(name)
        return name
