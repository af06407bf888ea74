"""One journey through everything that a client meets, and what of it the table of clients says."""

import json
from dataclasses import dataclass
from typing import Any

from tests.peers.clients import Client
from tests.peers.house import TENANT, House
from tests.support.items import CREATE, GET, LIST

WAIT_S = 7
"""What `/v1/items/limited` of upstream.yaml asks for."""
PAGES = [2, 2, 1]
"""Its five items in pages of two."""
LOST = "connection lost"
PROGRESS = "test_tool_with_progress"
STEPS = {0, 50, 100}
"""What `/v1/progress` of upstream.yaml tells on the way."""
BLOCKS = {
    "image": "test_image_content",
    "audio": "test_audio_content",
    "resource": "test_embedded_resource",
}
"""Tools of the conformance fixture, each answering one block of that kind."""
_LIMITED = "limited"
_BROKEN = "broken"


@dataclass(frozen=True)
class Journey:
    """The answers by the name of the step; a step that was never answered is missing."""

    server: dict[str, Any]
    version: str
    answers: dict[str, dict[str, Any]]
    refused: dict[str, Any] | None
    again: dict[str, Any]
    sent: dict[str, int]
    """How often the upstream was asked for the item of that name."""


def travel(house: House, client: Client, rate_limit_errors: str = "auto") -> Journey:
    """Take every step in one session, then try to open another with the revoked address."""
    server = house.server("lab", rate_limit_errors=rate_limit_errors)
    steps = {
        "list": {"op": "list"},
        "call": _get("1"),
        "pages": {"op": "read_all", "tool": LIST, "arguments": {"limit": 2}},
        "arguments": {"op": "call", "tool": CREATE, "arguments": {"text": 5, "kind": "odd"}},
        "limited": _get(_LIMITED),
        "after_limited": _get("1"),
        "broken": _get(_BROKEN),
        "after_broken": _get("1"),
        "revoke": house.revocation(server),
        "revoked": _get("1"),
    }
    house.lab.forget()
    done = client.session(server["url"], list(steps.values()))
    seen = [request.target.rpartition("/")[2] for request in house.lab.requests()]
    return Journey(
        server=server,
        version=done["version"],
        answers=dict(zip(steps, done["answers"], strict=False)),
        refused=done["refused"],
        again=client.session(server["url"], [{"op": "list"}]),
        sent={item: seen.count(item) for item in (_LIMITED, _BROKEN)},
    )


def what_arrives(house: House, client: Client) -> dict[str, Any]:
    """What the client makes of each kind of block, in its own word or as an exception.

    `progress`: whether it heard of any before the answer.
    """
    tools = [*BLOCKS.values(), PROGRESS]
    steps = [{"op": "call", "tool": tool, "arguments": {}} for tool in tools]
    *blocks, moved = client.session(house.server("test")["url"], steps)["answers"]
    assert not moved["error"], moved
    made = {
        kind: channel(answer) if answer["error"] else ", ".join(answer["blocks"])
        for kind, answer in zip(BLOCKS, blocks, strict=True)
    }
    heard = moved.get("progress", [])
    assert heard == sorted(set(heard) & STEPS), heard
    return {**made, "progress": bool(heard)}


def facts(house: House, client: Client, usual: Journey) -> dict[str, Any]:
    """What the table says of a client, after its usual journey."""
    answers, forced = usual.answers, travel(house, client, "http_429")
    return {
        "client": client.label,
        "package": client.package,
        "version": usual.version,
        "mode": client.mode,
        "revision": revision(house, usual),
        "lists": not answers["list"]["error"],
        "calls": not answers["call"]["error"],
        "pages": answers["pages"].get("pages") == PAGES,
        "arguments": channel(answers["arguments"]),
        "rate_limit": channel(answers["limited"]),
        "wait": where_told(answers["limited"]),
        "failure": channel(answers["broken"]),
        "lives_on": lives_on(usual) and not answers["after_broken"]["error"],
        "revoked": channel(answers["revoked"]),
        "reconnect": refusal(usual.again),
        "forced_429": _when_forced(forced),
        **what_arrives(house, client),
    }


def revision(house: House, journey: Journey) -> str:
    """The revision of the protocol in which tools were called, as the audit recorded it."""
    rows = house.api("GET", "/audit", tenant=TENANT, limit=200)["result"]
    (found,) = {
        row["protocol_version"]
        for row in rows
        if row.get("server") == journey.server["id"] and row.get("rpc_method") == "tools/call"
    }
    return str(found)


def channel(answer: dict[str, Any]) -> str:
    """How an error reached the caller: as a result, or as which exception."""
    assert answer["error"], answer
    return str(answer.get("raised", "result"))


def where_told(answer: dict[str, Any]) -> str:
    """Where the caller reads how long to wait: in the text, or in the data beside it."""
    if f"{WAIT_S} second" in answer["text"] or f'"after_seconds":{WAIT_S}' in answer["text"]:
        return "text"
    beside = json.dumps([answer.get("data"), answer.get("meta")])
    return "data" if f'"after_seconds": {WAIT_S}' in beside else "nowhere"


def lives_on(journey: Journey) -> bool:
    """Whether the session answered a call after the rate limit."""
    after = journey.answers.get("after_limited")
    return after is not None and not after["error"]


def refusal(again: dict[str, Any]) -> str:
    """Which exception a client meets that connects to a revoked address."""
    if again["refused"] is not None:
        return str(again["refused"]["raised"])
    return channel(again["answers"][0])


def _when_forced(journey: Journey) -> str:
    """What HTTP 429 does to the client whatever its revision."""
    if lives_on(journey):
        return channel(journey.answers["limited"])
    assert journey.refused is not None
    shown = journey.server["token"] in journey.refused["text"]
    return f"{LOST}, the token in its exception" if shown else LOST


def _get(item: str) -> dict[str, Any]:
    return {"op": "call", "tool": GET, "arguments": {"id": item}}
