"""The contract of a second factor, held by every kind in the table.

A new kind adds one `Case` and inherits every test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from mcpassport.gate.evidence import Evidence
from mcpassport.gate.factors import FACTORS
from mcpassport.records.grants import ApiToken

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = Evidence(tenant="acme", now=NOW)


@dataclass(frozen=True)
class Case:
    """Evidence on which the kind holds, and what spoils it."""

    good: Evidence
    spoilt: dict[str, Callable[[Evidence], Evidence]]
    until: datetime


def _token(**changes: Any) -> ApiToken:
    defaults: dict[str, Any] = {
        "id": "tok_1",
        "tenant": "acme",
        "role": "factor",
        "name": "agent",
        "token_hash": "0" * 64,
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
    }
    return ApiToken(**{**defaults, **changes})


def _with(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda evidence: msgspec.structs.replace(evidence, api_token=_token(**changes))


CASES = {
    "api_token": Case(
        good=msgspec.structs.replace(NOTHING, api_token_shown=True, api_token=_token()),
        spoilt={
            "unknown": lambda evidence: msgspec.structs.replace(evidence, api_token=None),
            "revoked": _with(status="revoked"),
            "of another tenant": _with(tenant="globex"),
            "of the deployment": _with(tenant=""),
            "an admin": _with(role="admin", tenant=""),
            "a tenant token": _with(role="tenant"),
            "an auditor": _with(role="auditor"),
        },
        until=NOW + timedelta(hours=1),
    )
}


def test_every_kind_has_a_case() -> None:
    """No factor is offered that this suite does not hold to the contract."""
    assert set(CASES) == set(FACTORS)


@pytest.fixture(params=sorted(FACTORS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_good_factor_holds(kind: str) -> None:
    """With the right evidence the factor holds."""
    assert FACTORS[kind].judge(CASES[kind].good) == "held"


def test_no_evidence_is_missing_not_wrong(kind: str) -> None:
    """Who shows nothing is told that something is missing."""
    assert FACTORS[kind].judge(NOTHING) == "missing"


@pytest.mark.parametrize(
    ("name", "flaw"), [(name, flaw) for name, case in CASES.items() for flaw in case.spoilt]
)
def test_spoilt_evidence_is_wrong(name: str, flaw: str) -> None:
    """Each single flaw is enough."""
    case = CASES[name]
    assert FACTORS[name].judge(case.spoilt[flaw](case.good)) == "wrong"


def test_evidence_for_one_tenant_is_none_for_another(kind: str) -> None:
    """The same evidence at another tenant's server does not hold."""
    elsewhere = msgspec.structs.replace(CASES[kind].good, tenant="globex")
    assert FACTORS[kind].judge(elsewhere) == "wrong"


def test_it_ends_at_its_expiry(kind: str) -> None:
    """A moment before it holds, at the time itself it is wrong."""
    case = CASES[kind]
    before = msgspec.structs.replace(case.good, now=case.until - timedelta(seconds=1))
    assert FACTORS[kind].judge(before) == "held"
    at = msgspec.structs.replace(case.good, now=case.until)
    assert FACTORS[kind].judge(at) == "wrong"
