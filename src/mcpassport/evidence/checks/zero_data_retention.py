"""Checks of Zero Data Retention: what goes through leaves nothing behind."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mcpassport.evidence.bench import Bench, Grant, Headers, Message, outcome_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import COUNT, CREATE, GET, LIST
from mcpassport.evidence.processes import TELLING, core_dumps
from mcpassport.evidence.traces import leave_no_trace, written_outside
from mcpassport.evidence.upstream import JSON, Says

OK: Final = 200
KINDS: Final = (
    *("argument", "path", "query", "name", "refused", "id", "header", "agent", "cookie", "meta"),
    *("cancelled", "tried", "result", "item", "picture", "page", "answered", "set-cookie"),
    *("failure", "message", "malformed", "truncated", "unmapped", "location", "large"),
)
"""Where a canary travels: in a request of a caller, or in an answer of the upstream API."""
SLOW: Final = frozenset({"large"})
"""Kinds that start evaluator processes, for the full profile."""
LARGE: Final = 300_000
Canaries = Mapping[str, str]


@dataclass(frozen=True)
class Passing:
    """A call that carries canaries: what the upstream answers, and where they must show up."""

    message: Message
    says: Says
    outcome: str
    headers: Headers = ()
    upstream: tuple[str, ...] = ()
    """Kinds whose canaries the upstream must see."""
    caller: tuple[str, ...] = ()
    """Kinds whose canaries the caller must get back."""


async def nothing_is_kept(bench: Bench, finding: Finding) -> None:
    """ZDR-01. Control: the same canaries, planted in files and a database, are all found."""
    said = {kind: bench.canary(kind) for kind in KINDS if bench.full or kind not in SLOW}
    grant = await bench.grant()
    passings = [*_served(said), *_failing(said)]
    wrong = [each for passing in passings for each in await _passed(bench, grant, passing, said)]
    cancelled = Message.call(CREATE, {"text": said["cancelled"]}, "modern")
    async with bench.held(grant.address, cancelled):
        pass
    body = {"resource": "records", "method": "get", "args": {"id": said["tried"]}}
    tried = await bench.manage("POST", f"/integrated-account/{grant.account}/try", body)
    wrong += [] if tried.status == OK else [f"the try-out answered {tried.status}"]
    outcomes = ", ".join(dict.fromkeys(passing.outcome for passing in passings))
    fact = f"{len(said)} canaries went through calls ({outcomes}, cancelled) and a try-out"
    finding.expect(not wrong, fact, wrong)
    if TELLING:
        found = written_outside(bench)
        finding.expect(not found, "no file beyond its folder is open for writing", found)
        dumps = [core_dumps(process) for process in bench.sandbox.processes]
        finding.expect(not any(dumps), f"core dumps are off in {len(dumps)} process(es)")
    else:
        finding.note("this system does not tell of open files and core dumps of a process")
    await leave_no_trace(bench, finding, said)


def _served(said: Canaries) -> Iterator[Passing]:
    """Calls that succeed."""
    create = Message.call(CREATE, {"text": said["argument"]})
    yield Passing(
        Message(create.method, create.params, id=said["id"]),
        Says(
            body=_json(id=said["result"]),
            headers=(
                JSON,
                ("X-Answered", said["answered"]),
                ("Set-Cookie", f"c={said['set-cookie']}"),
            ),
        ),
        "ok",
        headers=(
            ("X-More", said["header"]),
            ("User-Agent", said["agent"]),
            ("Cookie", f"c={said['cookie']}"),
        ),
        upstream=("argument",),
        caller=("result", "id"),
    )
    meta = {"_meta": {"tracestate": f"v={said['meta']}", "baggage": f"v={said['meta']}"}}
    yield Passing(
        Message.call(LIST, {"search": said["query"]}, "modern", meta),
        Says(body=_json(data=[{"id": said["item"]}])),
        "ok",
        upstream=("query",),
        caller=("item",),
    )
    get = Message.call(GET, {"id": "r1"})
    for kind, media in (("picture", "image/png"), ("page", "text/html")):
        yield Passing(get, Says(headers=(("Content-Type", media),), body=said[kind].encode()), "ok")
    if "large" in said:
        large = Says(body=_json(count="1", pad=said["large"] + "x" * LARGE))
        yield Passing(Message.call(COUNT, {}), large, "ok")


def _failing(said: Canaries) -> Iterator[Passing]:
    """Refusals, and failures of every kind that has a text of its own."""
    get = Message.call(GET, {"id": "r1"})
    undeclared = {"text": "t", said["name"]: said["refused"]}
    yield Passing(Message.call(CREATE, undeclared), Says(), "invalid_arguments", caller=("name",))
    yield Passing(
        Message.call(GET, {"id": said["path"]}),
        Says(status=500, body=_json(error=said["failure"])),
        "upstream_failed",
        upstream=("path",),
    )
    message = Says(body=_json(message=said["message"]))
    yield Passing(get, message, "upstream_reported_error", caller=("message",))
    malformed = f'{{"id": "{said["malformed"]}"'.encode()
    yield Passing(get, Says(body=malformed), "malformed_upstream_response")
    cut = Says(
        body=_json(id=said["truncated"], rest="x" * 99), fault={"kind": "truncated", "bytes": 99}
    )
    yield Passing(get, cut, "upstream_unreachable")
    unmapped = Says(body=_json(count=said["unmapped"]))
    yield Passing(Message.call(COUNT, {}), unmapped, "expression_failed")
    moved = Says(status=302, headers=(("Location", f"/{said['location']}"),))
    yield Passing(get, moved, "upstream_redirect")


async def _passed(bench: Bench, grant: Grant, passing: Passing, said: Canaries) -> list[str]:
    """Make the call; what did not happen as it must, so that the search would prove nothing."""
    await bench.lab.answer(passing.says)
    answer = await bench.rpc(grant.address, passing.message, *passing.headers)
    seen = "".join(f"{each.target}{each.body.decode()}" for each in await bench.lab.seen())
    outcome = outcome_of(answer)
    wrong = [] if outcome == passing.outcome else [f"{outcome} instead of {passing.outcome}"]
    wrong += [f"upstream saw no {kind}" for kind in passing.upstream if said[kind] not in seen]
    back = answer.body.decode()
    return wrong + [f"caller got no {kind}" for kind in passing.caller if said[kind] not in back]


def _json(**document: object) -> bytes:
    return json.dumps(document).encode()
