"""What a run of the checks found, as `evidence.json` holds it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from msgspec import Struct

Verdict: TypeAlias = Literal["pass", "fail", "not_applicable"]
Profile: TypeAlias = Literal["quick", "full"]
EVIDENCE_FORMAT: Literal[1] = 1

Substitution: TypeAlias = Literal[
    "store", "kind of store", "master key", "upstream", "clock", "address", "workers", "limits"
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
        "workers": ("workers",),
        "limits": (
            *("calls_per_10s", "in_flight_server", "strangers", "upstream_body"),
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

    def says_nothing_about(self) -> frozenset[str]:
        """The facts that were substituted in this run."""
        return frozenset(fact for word in self.substitutions for fact in OUT_OF_REACH[word])
