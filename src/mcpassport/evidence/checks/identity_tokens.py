"""Check of SSO: whose identity token is admitted, and whose is not."""

from typing import Final

from mcpassport.evidence.bench import Bench, Grant, Headers, Message, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.issuer import Provider, bearer
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.evidence.upstream import Says
from mcpassport.gate.issuers import FRESH_S, KEPT_S
from mcpassport.limits import HEADER_IDENTITY_TOKEN

REQUIRED: Final = "second_factor_required"
INVALID: Final = "second_factor_invalid"
AUDIENCE: Final = "evidence-audience"
_GONE: Final = Says(path="/idp/*", status=503, body=b"{}")


async def signed_on(bench: Bench, finding: Finding) -> None:
    """AUT-06. Control: a good token is found admitted at both addresses."""
    provider = Provider(bench.lab.origin, AUDIENCE)
    demanded = {"kind": "jwt", "issuer": provider.issuer, "audience": AUDIENCE}
    grant = await bench.grant(factors=[{**demanded, "required_claims": {"role": ["it", "ops"]}}])
    await bench.lab.answer(*provider.says())
    came = await _called(bench, grant)
    finding.expect(came == REQUIRED, "without a token: refused", came)
    for flaw, token in provider.bad().items():
        came = await _called(bench, grant, bearer(token))
        finding.expect(came == INVALID, f"{flaw}: refused", came)
    sent = provider.passed(await bench.lab.seen())
    finding.expect(not sent, "refused calls: 0 upstream requests", len(sent))
    good = provider.token()
    admitted = [
        await _called(bench, grant, bearer(good)),
        outcome_of(
            await bench.rpc(
                grant.header_address,
                Message.call(GET, CALLS[GET]),
                *grant.by_header,
                (HEADER_IDENTITY_TOKEN, good),
            )
        ),
    ]
    sent = provider.passed(await bench.lab.seen())
    told = [each for each in sent if good.encode() in repr(each).encode()]
    finding.expect(not told, f"{len(sent)} upstream requests do not hold the token", told)
    await bench.lab.answer(_GONE, Says())
    await bench.sandbox.step(FRESH_S)
    came = await _called(bench, grant, bearer(good))
    finding.expect(came == "ok", "the issuer cannot be reached: its last keys serve", came)
    await bench.sandbox.step(KEPT_S)
    came = await _called(bench, grant, bearer(good))
    finding.expect(came == INVALID, f"for {KEPT_S} s since they came, and no longer", came)
    finding.control = admitted == ["ok", "ok"]


async def _called(bench: Bench, grant: Grant, *headers: tuple[str, str]) -> str:
    more: Headers = headers
    return outcome_of(await bench.rpc(grant.address, Message.call(GET, CALLS[GET]), *more))
