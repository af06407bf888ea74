"""The failure lab as data: what the upstream does, and what then must hold, one file per fault.

Each file of `failures/` (JSON) is one `Failure`. A run must give its rows; without a run they are
printed as the design. To add a fault, add its file and its name to `NAMES`.
"""

from importlib.resources import files
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from mcpassport.records.evidence import FailureAnswer, FailureRow, Volatile

HURRIED_TIMEOUT_S: Final = 1.0
AHEAD_S: Final = 3600
"""How far ahead an absolute time of a rate limit lies; up to a minute of it may pass unnoticed."""

NAMES: Final = (
    *("rate-limit-delta", "rate-limit-epoch", "rate-limit-milliseconds", "rate-limit-http-date"),
    *("rate-limit-retry-after", "rate-limit-body"),
    *("credential-refused", "forbidden", "not-found"),
    *("server-error", "bad-gateway-html", "unavailable", "error-in-a-200"),
    *("truncated-json", "body-cut-short", "wrong-content-type", "html"),
    *(
        "html-instead-of-json",
        "forged-members",
        "forged-envelope",
        "not-utf8",
        "too-deep",
        "expression-fails",
    ),
    *("gzip-bomb", "body-of-100-mb"),
    *("no-answer", "slow-headers", "slow-body", "stall-mid-body", "reset", "closed"),
    *("redirect-elsewhere", "redirect-to-metadata"),
    *("credential-expires-between-pages", "page-repeated", "page-skipped"),
    *("cursor-loop", "cursor-cycle"),
)
"""The rows of the table, in order."""

VOLATILE: Final = (
    Volatile("request id", "req_[0-9a-f]{32}", "req_…"),
    Volatile("version of the server", r'"version":"[^"]+"', '"version":"…"'),
    Volatile("size cap", r"size cap of [0-9,]+ [A-Za-z]+", "size cap of …"),
    Volatile("seconds until an absolute time", r"\b(?:35[4-9][0-9]|3600)\b", str(AHEAD_S)),
)


class Deed(Struct, frozen=True, forbid_unknown_fields=True):
    """One answer of the upstream, for the requests to that target."""

    target: str
    """Path, and query if `?` is in it."""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: str = ""
    """One byte per character (Latin-1). In it and in headers `{epoch}`, `{epoch_ms}` and
    `{http_date}` stand for the time `AHEAD_S` from now."""
    fault: dict[str, Any] = field(default_factory=lambda: {"kind": "plain"})


class Asking(Struct, frozen=True, forbid_unknown_fields=True):
    """One tool call: the method of the failure lab's integration, and the arguments."""

    method: str
    arguments: dict[str, Any]


class Failure(Struct, frozen=True, forbid_unknown_fields=True):
    """One fault: what the upstream does, who asks for it, and the answers in both eras."""

    fault: str
    upstream: tuple[Deed, ...]
    calls: tuple[Asking, ...]
    legacy: tuple[FailureAnswer, ...]
    modern: tuple[FailureAnswer, ...]

    def row(self, name: str) -> FailureRow:
        """The expected row, its volatile parts replaced."""
        return FailureRow(name, self.fault, self.legacy, self.modern)


def _load(name: str) -> Failure:
    text = files("mcpassport.evidence.claims").joinpath("failures", f"{name}.json").read_bytes()
    return msgspec.json.decode(text, type=Failure)


FAILURES: Final = {name: _load(name) for name in NAMES}
EXPECTED: Final = tuple(failure.row(name) for name, failure in FAILURES.items())
