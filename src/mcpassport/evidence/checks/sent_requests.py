"""Checks of what is sent: a key in the query stays unseen, an argument stays in its place."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from mcpassport.evidence.bench import Bench, Grant, Message
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.scan import found_in, halves
from mcpassport.evidence.sent import FETCH, FILE, FORM, KEY, PARTS, content
from mcpassport.evidence.traces import leave_no_trace, run_of
from mcpassport.evidence.upstream import Lab, Says
from mcpassport.records.calls import OutboundResponse

REFUSED: Final = "invalid_arguments"
_ANSWERS: Final[dict[str, Says]] = {
    "an answer": Says(),
    "a failure": Says(status=500),
    "a refusal": Says(status=401),
    "a redirect": Says(status=302, headers=(("Location", "/elsewhere"),)),
    "no JSON": Says(body=b"{"),
    "a closed connection": Says(fault={"kind": "close"}),
    "a cut body": Says(body=b'{"id":"x"}' * 9, fault={"kind": "truncated", "bytes": 9}),
}
_NAMES: Final = ("a\r\nX-Evil: 1", "a\nb", "a\r", "a\x00b", "a\x85b", "a\u2028b", "")
_FILES: Final = ("a\r\nX-Evil: 1", "a\nb", "../up", "a\\b", "..", "a\x00.png")
_TYPES: Final = ("text/html\r\nX-Evil: 1", "text/html\n", "text/html; x=y", "no type")
_WITHIN: Final = (
    'a"; name="admin',
    "a&admin=true",
    "a%0D%0Aadmin",
    "a[admin]",
)
"""Names that may be sent, and must stay one name."""
_VALUE: Final = '1\r\n--x\r\nContent-Disposition: form-data; name="admin"\r\n\r\n&admin=true'


async def query_unseen(bench: Bench, finding: Finding) -> None:
    """CRE-19. Control: the secret, planted in each form in files and a database, is found there."""
    grant = await bench.grant_on(content(bench.lab.origin))
    answers: dict[str, OutboundResponse] = {}
    for case, says in _ANSWERS.items():
        for era in ("legacy", "modern"):
            await bench.lab.answer(says)
            call = Message.call(FETCH, {}, era)
            answers[f"{case}, {era}"] = await bench.rpc(grant.address, call)
            await _arrived(bench.lab, grant)
    await bench.lab.answer()
    mine = await bench.call(grant, FETCH, **{KEY: "of the caller", "other": "x"})
    targets = [urlsplit(each.target).query for each in await bench.lab.seen()]
    expected = [f"other=x&{KEY}={grant.credential}"]
    said = "an argument of the same name is not sent"
    finding.expect(mine == "ok" and targets == expected, said, mine)
    path = f"/integrated-account/{grant.account}/try"
    body = {"resource": "things", "method": "fetch", "args": {}}
    for dry_run in (True, False):
        tried = await bench.manage("POST", path, {**body, "dry_run": dry_run})
        answers[f"try, dry_run {dry_run}"] = tried
    wanted = list(halves(run_of(grant.credential)))
    told = [case for case, each in answers.items() if _holds(each, wanted)]
    finding.expect(not told, f"{len(answers)} answers do not hold it", told)
    await leave_no_trace(bench, finding, {"credential": grant.credential})


def _holds(answer: OutboundResponse, wanted: list[Any]) -> bool:
    return bool(found_in(answer.body + repr(answer.headers).encode(), wanted))


async def _arrived(lab: Lab, grant: Grant) -> None:
    targets = [each.target for each in await lab.seen()]
    if targets != [f"/fetch?{KEY}={grant.credential}"]:
        raise CheckFailed("the credential did not reach the upstream in the query")


async def one_place(bench: Bench, finding: Finding) -> None:
    """SCO-08. Control: a body put together without these rules is found to hold a second name."""
    grant = await bench.grant_on(content(bench.lab.origin))
    passed = []
    for tool, arguments in _hostile():
        await bench.lab.answer()
        outcome = await bench.call(grant, tool, **arguments)
        if outcome != REFUSED or await bench.lab.seen():
            passed.append((tool, arguments, outcome))
    finding.expect(not passed, "names and file names with control characters are refused", passed)
    for tool in (FORM, PARTS):
        for name in _WITHIN:
            await bench.lab.answer()
            outcome = await bench.call(grant, tool, **{name: _VALUE})
            pairs = [_pairs(each.body, each.header("Content-Type")) for each in
                     await bench.lab.seen()]  # fmt: skip
            fact = f"{tool}: a value that looks like more stays one value of {name!r}"
            shown = name.replace('"', "%22") if tool == PARTS else name
            finding.expect(pairs == [[(shown, _VALUE)]], fact, (outcome, pairs))
    joined = f'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n{_VALUE}\r\n--x--\r\n'
    parts = _pairs(joined.encode(), "multipart/form-data; boundary=x")
    form = _pairs(f"a={_VALUE}".encode(), "application/x-www-form-urlencoded")
    finding.control = all("admin" in dict(pairs) for pairs in (parts, form))


def _hostile() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in _NAMES:
        for tool in (FORM, PARTS):
            yield tool, {name: "x"}
    for filename in _FILES:
        yield FILE, {"file": {"data": "AAAA", "filename": filename}}
    for media_type in _TYPES:
        yield FILE, {"file": {"data": "AAAA", "content_type": media_type}}
    yield FILE, {"file": {"data": "no Base64!"}}


def _pairs(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """Names and values as somebody else's parser reads them."""
    if not content_type.startswith("multipart/"):
        return parse_qsl(body.decode(), keep_blank_values=True)
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = message_from_bytes(head + body, policy=policy.HTTP.clone(utf8=True))
    found = []
    for part in message.iter_parts() if isinstance(message, EmailMessage) else ():
        payload = part.get_payload(decode=True)
        text = payload.decode() if isinstance(payload, bytes) else ""
        found.append((part["Content-Disposition"].params["name"], text))
    return found
