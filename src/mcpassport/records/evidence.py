"""What a run of the checks found, as `evidence.json` holds it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

Verdict: TypeAlias = Literal["pass", "fail", "not_applicable"]
Profile: TypeAlias = Literal["quick", "full"]
EVIDENCE_FORMAT: Literal[1] = 1

Substitution: TypeAlias = Literal[
    "store",
    "kind of store",
    "master key",
    "upstream",
    "clock",
    "address",
    "one page",
    "proxy",
    "workers",
    "publishing",
    "limits",
]
"""What a run put in place of the deployment's own."""

OUT_OF_REACH: Final[Mapping[Substitution, tuple[str, ...]]] = MappingProxyType(
    {
        "store": (),
        "kind of store": ("store",),
        "master key": ("master_key",),
        "upstream": ("egress_hosts", "private_hosts"),
        "clock": (),
        "address": ("transport_security", "allowed_hosts"),
        "one page": (),  # one more origin is listed; nothing is said of the others by it
        "proxy": (),  # the checks stand in for one more; nothing is said of the real one
        "workers": ("workers",),
        "publishing": ("publish_rule",),
        "limits": (
            *("calls_per_10s", "in_flight_server", "in_flight_tenant", "place_wait"),
            *("strangers", "upstream_body", "request_body", "json_depth", "batch_length"),
            *("connect_timeout", "call_timeout"),
        ),
    }
)
"""The facts of the deployment that a run with that substitution says nothing about."""


class Result(Struct, frozen=True, forbid_unknown_fields=True):
    """What one check saw; `control` says whether its planted fault was caught."""

    claim: str
    verdict: Verdict
    control: bool
    saw: tuple[str, ...]


class FailureAudit(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one audit row of a call says; `outcome` is the reason where the call was refused."""

    phase: str
    outcome: str = ""
    http_status: int | None = None
    upstream_status: int | None = None


class FailureAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    """What one call of a failure run came to, on every side."""

    status: int
    headers: dict[str, str]
    """Those about rate limits, by lower-case name."""
    body: dict[str, Any]
    """The JSON-RPC answer."""
    requests: int
    """How many requests the upstream saw of this call."""
    audit: tuple[FailureAudit, ...]


class FailureRow(Struct, frozen=True, forbid_unknown_fields=True):
    """One fault of the upstream: the answers of its calls, in order, in both eras."""

    name: str
    fault: str
    legacy: tuple[FailureAnswer, ...]
    modern: tuple[FailureAnswer, ...]


class Volatile(Struct, frozen=True, forbid_unknown_fields=True):
    """What differs between equal runs: each match of `pattern` is read as `instead`."""

    name: str
    pattern: str
    instead: str


class FailureTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The output of a failure run; two runs are equal once the volatile parts are replaced."""

    volatile: tuple[Volatile, ...]
    hurried_timeout_s: float
    """Timeout of the method that the slow faults are tried on, so that a run takes seconds."""
    rows: tuple[FailureRow, ...]


class Evidence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: of what, when, with what in place of the real thing, and what came of it."""

    format: Literal[1] = EVIDENCE_FORMAT
    build_digest: str
    settings_digest: str
    catalog_digest: str
    profile: Profile
    started: datetime
    substitutions: tuple[Substitution, ...]
    results: tuple[Result, ...]
    failures: FailureTable | None = None
    """The failure run, where `FAI-04` was among what was checked."""

    def says_nothing_about(self) -> frozenset[str]:
        """The facts that were substituted in this run."""
        return frozenset(fact for word in self.substitutions for fact in OUT_OF_REACH[word])
