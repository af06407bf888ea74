"""Checks of Tool catalog: what a tool returns, how far it says it is, and who may call it."""

import base64
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from mcpassport.evidence.answers import ASK, CAPABILITY, CARD, FETCH, FOLLOW, ROWS, content
from mcpassport.evidence.bench import Bench, Grant, Message, document_of, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.upstream import JSON, Says
from mcpassport.protocol.era import KEY_CAPABILITIES
from mcpassport.records.calls import OutboundResponse

MALFORMED: Final = "malformed_upstream_response"
BINARY: Final = bytes(range(256))
TEXT: Final = '"}],"isError":true,"x":[{"text":"'
ERAS: Final = ("modern", "legacy")
STEPS: Final = (1, 2, 1, 2, 4, 3, 5)
"""How far the upstream says it is, not in order."""
TOKEN: Final = "evidence"
UNFIT: Final[tuple[dict[str, Any], ...]] = ({}, {"roots": {}}, {CAPABILITY: None})
REFUSED: Final[tuple[int, int, dict[str, Any]]] = (
    400,
    -32021,
    {"requiredCapabilities": {CAPABILITY: {}}},
)
"""HTTP status, code and data of a call whose request does not declare the capability."""
Block = Mapping[str, Any]


async def checked_answers(bench: Bench, finding: Finding) -> None:
    """TOO-05. Control: what is passed on is not found refused, and other bytes not the same."""
    grant = await bench.grant_on(content(bench.lab.origin))
    for media, kind in _MEDIA.items():
        blocks = await _blocks(bench, grant, FETCH, Says(headers=_typed(media), body=BINARY))
        wrong = _differs(blocks, kind, media, BINARY)
        finding.expect(not wrong, f"{media}: one {kind} block with the same 256 bytes", wrong)
    text = Says(headers=_typed("text/html"), body=TEXT.encode())
    blocks = await _blocks(bench, grant, FETCH, text)
    finding.expect(
        blocks == [{"type": "text", "text": TEXT}],
        "text/html: one text block, character by character",
        blocks,
    )
    picture = {"title": "t", "picture": base64.b64encode(BINARY).decode()}
    blocks = await _blocks(bench, grant, CARD, Says(body=json.dumps(picture).encode()))
    wrong = _differs(blocks[1:], "image", "image/png", BINARY)
    finding.expect(not wrong, "declared blocks: text, then the picture that was Base64", wrong)
    secret = bench.canary("refused")
    for case, (tool, says) in _refused(secret).items():
        wrong = await _passed(bench, grant, tool, says, secret)
        finding.expect(not wrong, f"{case}: refused, and nothing of it shown", wrong)
    # The control: the judges tell a refusal from an answer, and one picture from another.
    passed = await _passed(bench, grant, FETCH, Says(body=b'{"id":"%b"}' % secret.encode()), secret)
    png = Says(headers=_typed("image/png"), body=BINARY)
    other = _differs(await _blocks(bench, grant, FETCH, png), "image", "image/png", BINARY[::-1])
    finding.control = len(passed) == len(("outcome", "text")) and bool(other)


_MEDIA: Final = {
    "image/png": "image",
    "audio/wav": "audio",
    "application/pdf": "resource",
    "application/octet-stream": "resource",
}


def _refused(secret: str) -> dict[str, tuple[str, Says]]:
    """Answers that must be refused, each with the secret in it."""
    inside = secret.encode()
    png, texts, page = _typed("image/png"), _typed("text/plain"), _typed("text/html")
    return {
        "JSON cut short": (FETCH, Says(body=b'{"a":"%b' % inside)),
        "JSON that is not UTF-8": (FETCH, Says(body=b'{"a":"%b\xff"}' % inside)),
        "members beside the value": (FETCH, Says(body=b'"%b","isError":false' % inside)),
        "two media types": (FETCH, Says(headers=_typed("image/png, text/html"), body=inside)),
        "a media type with a quote": (FETCH, Says(headers=_typed('image/"x'), body=inside)),
        "a text that is not UTF-8": (FETCH, Says(headers=texts, body=inside + b"\xff")),
        "Base64 that is none": (CARD, Says(body=b'{"title":"t","picture":"%b!"}' % inside)),
        "a page where records should be": (ROWS, Says(headers=page, body=inside)),
        "a picture where records should be": (ROWS, Says(headers=png, body=inside)),
    }


def _typed(media: str) -> tuple[tuple[str, str], ...]:
    return (("Content-Type", media),)


async def _blocks(bench: Bench, grant: Grant, tool: str, says: Says) -> list[Block]:
    await bench.lab.answer(says)
    answer = document_of(await bench.rpc(grant.address, Message.call(tool, {})))
    content: list[Block] = answer.get("result", {}).get("content", [])
    return content


def _differs(blocks: Sequence[Block], kind: str, media: str, data: bytes) -> list[str]:
    """What is not as it must be of the one block there is."""
    if len(blocks) != 1 or blocks[0].get("type") != kind:
        return [f"{[block.get('type') for block in blocks]}"]
    inner = blocks[0].get("resource", blocks[0])
    encoded = inner.get("blob", inner.get("data", ""))
    found = [] if inner.get("mimeType") == media else [f"{inner.get('mimeType')}"]
    return found if base64.b64decode(encoded) == data else [*found, "other bytes"]


async def _passed(bench: Bench, grant: Grant, tool: str, says: Says, secret: str) -> list[str]:
    """What was not refused as malformed, or shows a text of the upstream."""
    await bench.lab.answer(says)
    answer = await bench.rpc(grant.address, Message.call(tool, {}))
    outcome = outcome_of(answer)
    found = [] if outcome == MALFORMED else [outcome]
    return [*found, "its text"] if secret.encode() in answer.body else found


async def growing_progress(bench: Bench, finding: Finding) -> None:
    """TOO-06. Control: a number that does not grow, and a notification after the answer."""
    grant = await bench.grant_on(content(bench.lab.origin))
    events = b"".join(b'{"done":%d,"said":"s","id":"r1"}\n' % step for step in STEPS)
    says = Says(headers=_typed("application/x-ndjson"), body=events)
    told: list[dict[str, Any]] = []
    for era in ERAS:
        told = _messages(await _followed(bench, grant, era, says, {"progressToken": TOKEN}))
        wrong = _unordered(told)
        growing = len(told) - 1
        fact = f"{era}: of {len(STEPS)} reports the {growing} that grow, then the answer"
        finding.expect(not wrong and growing == len(set(STEPS)) - 1, fact, wrong or growing)
        plain = await _followed(bench, grant, era, says, {})
        finding.expect(
            outcome_of(plain) == "ok", f"{era}: without a token the answer alone, as JSON"
        )
        message = _follow(era, {"progressToken": TOKEN})
        await bench.lab.answer(says)
        plain = await bench.rpc(grant.address, message, ("Accept", JSON[1]))
        finding.expect(outcome_of(plain) == "ok", f"{era}: who takes no events gets JSON too")
    # The control: streams that break the rules are found to.
    late = [*told, told[0]]
    back = [told[1], told[0], told[-1]]
    finding.control = bool(_unordered(late)) and bool(_unordered(back))


def _follow(era: Any, meta: Mapping[str, Any]) -> Message:
    return Message.call(FOLLOW, {}, era, {"_meta": meta} if meta else {})


async def _followed(
    bench: Bench, grant: Grant, era: Any, says: Says, meta: Mapping[str, Any]
) -> OutboundResponse:
    await bench.lab.answer(says)
    return await bench.rpc(grant.address, _follow(era, meta))


def _messages(answer: OutboundResponse) -> list[dict[str, Any]]:
    """The messages of server-sent events; none if it is something else."""
    lines = answer.body.decode().splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def _unordered(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """What breaks the order: numbers that grow, one answer, and that last."""
    found = [] if told and "result" in told[-1] else ["the answer is not last"]
    notified = [each["params"] for each in told[:-1] if "params" in each]
    if len(notified) != len(told) - 1:
        found.append("more than one answer")
    numbers = [each["progress"] for each in notified]
    if any(after <= before for before, after in pairwise(numbers)):
        found.append(f"progress {numbers}")
    return found + [f"token {e['progressToken']}" for e in notified if e["progressToken"] != TOKEN]


async def needed_capability(bench: Bench, finding: Finding) -> None:
    """TOO-07. Control: the same call with the capability declared reaches the upstream."""
    grant = await bench.grant_on(content(bench.lab.origin))
    await bench.lab.answer()
    for declared in UNFIT:
        answer = await bench.rpc(grant.address, _ask(declared))
        error = document_of(answer).get("error", {})
        told = (answer.status, error.get("code"), error.get("data"))
        fact = f"declares {json.dumps(declared)}: HTTP 400, -32021, names {CAPABILITY}"
        finding.expect(told == REFUSED, fact, told)
    outcome = await bench.call(grant, ASK)
    finding.expect(outcome == "missing_capability", "older revision: a tool error", outcome)
    seen = len(await bench.lab.seen())
    finding.expect(seen == 0, "0 upstream requests", seen)
    answer = await bench.rpc(grant.address, _ask({CAPABILITY: {}}))
    finding.control = outcome_of(answer) == "ok" and len(await bench.lab.seen()) == 1


def _ask(declared: Mapping[str, Any]) -> Message:
    return Message.call(ASK, {}, "modern", {"_meta": {KEY_CAPABILITIES: declared}})
