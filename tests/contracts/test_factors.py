"""The contract of a second factor, held by every kind in the table.

A new kind adds one `Case` and inherits every test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from joserfc.jws import JWSRegistry

from mcpassport.gate.evidence import Evidence
from mcpassport.gate.factors import FACTORS
from mcpassport.records.certificate import ClientCertificate, Shown
from mcpassport.records.grants import ApiToken

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = Evidence(tenant="acme", now=NOW)


@dataclass(frozen=True)
class Case:
    """Evidence on which the kind holds, and what spoils it."""

    good: Evidence
    options: dict[str, Any]
    elsewhere: tuple[Evidence, dict[str, Any]]
    """The same evidence at another tenant's server, with the options that one has."""
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


def _certificate(**changes: Any) -> Shown:
    defaults: dict[str, Any] = {
        "sha256": "ab" * 32,
        "names": ("dns:agent.acme.example", "uri:spiffe://acme/agent"),
        "not_before": NOW - timedelta(hours=1),
        "not_after": NOW + timedelta(hours=1),
    }
    return Shown(shown=True, certificate=ClientCertificate(**{**defaults, **changes}))


def _showing(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda evidence: msgspec.structs.replace(evidence, certificate=_certificate(**changes))


BY_TOKEN = msgspec.structs.replace(NOTHING, api_token_shown=True, api_token=_token())
BY_CERTIFICATE = msgspec.structs.replace(NOTHING, certificate=_certificate())
PINNED = {"certificate_sha256": ["cd" * 32], "subject_alt_names": ["uri:spiffe://acme/agent"]}
KEY = ECKey.generate_key("P-256", {"kid": "1"})
UNTIL = int((NOW + timedelta(hours=1)).timestamp())
CLAIMS = {
    "iss": "https://login.acme.example",
    "aud": "https://mcp.vendor.example",
    "exp": UNTIL,
    "groups": ["it", "staff"],
}


def _identity(key: ECKey = KEY, head: dict[str, Any] | None = None, **changes: Any) -> Evidence:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    lax = JWSRegistry(algorithms=["ES256", "ES384"], strict_check_header=False)
    token = jwt.encode({"alg": "ES256", "kid": "1", **(head or {})}, claims, key, registry=lax)
    return msgspec.structs.replace(NOTHING, identity_token=token, issuer_keys=KeySet([KEY]))


def _claiming(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda _: _identity(**changes)


SSO = {
    "issuer": CLAIMS["iss"],
    "audience": CLAIMS["aud"],
    "required_claims": {"groups": ["it", "ops"]},
    "skew_s": 0,
}
CASES = {
    "jwt": Case(
        good=_identity(),
        options=SSO,
        elsewhere=(_identity(), {**SSO, "audience": "https://mcp.globex.example"}),
        spoilt={
            "of another issuer": _claiming(iss="https://login.evil.example"),
            "of an issuer that begins alike": _claiming(iss="https://login.acme.example/"),
            "for nobody": _claiming(aud=None),
            "for others": _claiming(aud=["a", "b"]),
            "without expiry": _claiming(exp=None),
            "with an expiry that is no number": _claiming(exp="2099-01-01"),
            "with an endless expiry": _claiming(exp=float("inf")),
            "not yet valid": _claiming(nbf=UNTIL - 1),
            "issued in the future": _claiming(iat=UNTIL - 1),
            "of another group": _claiming(groups=["sales"]),
            "of no group": _claiming(groups=None),
            "with a group that is true": _claiming(groups=True),
            "of another type": _claiming(head={"typ": "logout+jwt"}),
            "of another key": _claiming(key=ECKey.generate_key("P-256", {"kid": "1"})),
            "of a key that nobody knows": _claiming(head={"kid": "2"}),
            "by an algorithm not allowed": _claiming(
                key=ECKey.generate_key("P-384", {"kid": "1"}), head={"alg": "ES384"}
            ),
            "no JWT at all": lambda evidence: msgspec.structs.replace(
                evidence, identity_token="eyJhbGciOiJub25lIn0.e30."
            ),
        },
        until=NOW + timedelta(hours=1),
    ),
    "mtls": Case(
        good=BY_CERTIFICATE,
        options=PINNED,
        elsewhere=(BY_CERTIFICATE, {"certificate_sha256": ["ef" * 32]}),
        spoilt={
            "not yet valid": _showing(not_before=NOW + timedelta(seconds=1)),
            "of another name": _showing(names=("dns:agent.acme.example",)),
            "of a longer name": _showing(names=("uri:spiffe://acme/agent/2",)),
            "without a name": _showing(names=()),
            "unreadable": lambda evidence: msgspec.structs.replace(
                evidence, certificate=Shown(shown=True)
            ),
        },
        until=NOW + timedelta(hours=1),
    ),
    "api_token": Case(
        good=BY_TOKEN,
        options={},
        elsewhere=(msgspec.structs.replace(BY_TOKEN, tenant="globex"), {}),
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
    ),
}


def test_every_kind_has_a_case() -> None:
    """No factor is offered that this suite does not hold to the contract."""
    assert set(CASES) == set(FACTORS)


@pytest.fixture(params=sorted(FACTORS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_good_factor_holds(kind: str) -> None:
    """With the right evidence the factor holds."""
    assert FACTORS[kind].judge(CASES[kind].good, CASES[kind].options) == "held"


def test_no_evidence_is_missing_not_wrong(kind: str) -> None:
    """Who shows nothing is told that something is missing."""
    assert FACTORS[kind].judge(NOTHING, CASES[kind].options) == "missing"


@pytest.mark.parametrize(
    ("name", "flaw"), [(name, flaw) for name, case in CASES.items() for flaw in case.spoilt]
)
def test_spoilt_evidence_is_wrong(name: str, flaw: str) -> None:
    """Each single flaw is enough."""
    case = CASES[name]
    assert FACTORS[name].judge(case.spoilt[flaw](case.good), case.options) == "wrong"


def test_evidence_for_one_tenant_is_none_for_another(kind: str) -> None:
    """The same evidence at another tenant's server does not hold."""
    assert FACTORS[kind].judge(*CASES[kind].elsewhere) == "wrong"


def test_it_ends_at_its_expiry(kind: str) -> None:
    """A moment before it holds, at the time itself it is wrong."""
    case = CASES[kind]
    before = msgspec.structs.replace(case.good, now=case.until - timedelta(seconds=1))
    assert FACTORS[kind].judge(before, case.options) == "held"
    at = msgspec.structs.replace(case.good, now=case.until)
    assert FACTORS[kind].judge(at, case.options) == "wrong"


def test_without_the_keys_of_its_issuer_nothing_holds() -> None:
    """What cannot be decided lets nobody in, and the audit can tell it from a wrong one."""
    blind = msgspec.structs.replace(CASES["jwt"].good, issuer_keys=None)
    assert FACTORS["jwt"].judge(blind, SSO) == "undecided"


def test_one_of_several_audiences_and_a_skew_will_do() -> None:
    """The audience may be a list (RFC 7519, 4.1.3); clocks may differ by the skew, and no more."""
    late = _identity(aud=["else", CLAIMS["aud"]], exp=int(NOW.timestamp()) - 59)
    assert FACTORS["jwt"].judge(late, {**SSO, "skew_s": 60}) == "held"
    assert FACTORS["jwt"].judge(late, {**SSO, "skew_s": 59}) == "wrong"


@pytest.mark.parametrize(
    ("kind", "options", "member"),
    [
        ("mtls", {}, ""),
        ("mtls", {"certificate_sha256": []}, ""),
        ("mtls", {"certificate_sha256": ["AB" * 32]}, "certificate_sha256/0"),
        ("mtls", {"certificate_sha256": "ab" * 32}, "certificate_sha256"),
        ("mtls", {"subject_alt_names": ["agent.acme.example"]}, "subject_alt_names/0"),
        ("mtls", {"subject_alt_names": ["dns:x"] * 33}, "subject_alt_names"),
        ("jwt", {**SSO, "issuer": "http://login.acme.example"}, "issuer"),
        ("jwt", {**SSO, "issuer": "https://login.acme.example?x=1"}, "issuer"),
        ("jwt", {**SSO, "issuer": ["https://login.acme.example"]}, "issuer"),
        ("jwt", {**SSO, "issuer": "https://[login"}, "issuer"),
        ("jwt", {**SSO, "audience": ""}, "audience"),
        ("jwt", {**SSO, "algorithms": ["HS256"]}, "algorithms"),
        ("jwt", {**SSO, "algorithms": []}, "algorithms"),
        ("jwt", {**SSO, "algorithms": [["RS256"]]}, "algorithms"),
        ("jwt", {**SSO, "skew_s": 301}, "skew_s"),
        ("jwt", {**SSO, "skew_s": True}, "skew_s"),
        ("jwt", {**SSO, "required_claims": ["groups"]}, "required_claims"),
        ("jwt", {**SSO, "required_claims": {"a": None}}, "required_claims/a"),
        ("jwt", {**SSO, "required_claims": {"a": []}}, "required_claims/a"),
        ("jwt", {**SSO, "required_claims": {"a": 0.5}}, "required_claims/a"),
    ],
)
def test_options_that_cannot_be_meant_are_told(
    kind: str, options: dict[str, Any], member: str
) -> None:
    """With the place and how to mend it, when the server is made."""
    ((where, message, mend),) = FACTORS[kind].problems(options)
    assert where == member
    assert message
    assert mend


def test_good_options_have_no_problem(kind: str) -> None:
    """The options of the good case, and every one is known."""
    assert list(FACTORS[kind].problems(CASES[kind].options)) == []
    assert CASES[kind].options.keys() <= FACTORS[kind].options
