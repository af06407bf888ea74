"""Golden cases: `tests/cases/ratelimits/*.txt`, one dialect of an upstream's 429 each.

One sentence that says what must hold.
tool: GET                      or METERED, whose integration maps the body
upstream: 429                  the upstream's status, then its headers
X-RateLimit-Limit: 100

its body, or nothing
---
as: legacy auto                era or `raw`, and the server's `rate_limit_errors`; as many as hold
429                            the status, then the rate-limit headers of the answer, in order
retry-after: 7

the answer as JSON
---
as: success                    the same headers with a 200: what both eras then answer with
200
retry-after: 7
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import pytest
from tests.support.items import GET, thing
from tests.support.lab import rule
from tests.support.whole import WAYS, Call, Met, World, succeeded

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES = Path(__file__).parents[1] / "cases" / "ratelimits"
CALLS = {"GET": Call(GET, {"id": "1"}), "METERED": Call(thing("metered"))}
NAMES = ("ratelimit", "retry-after")
EVERY = {
    f"{era} {channel}"
    for era in ("legacy", "modern", "raw")
    for channel in ("auto", "http_429", "tool_error")
}


class Expected(NamedTuple):
    status: int
    headers: list[str]
    answer: Any


class Case(NamedTuple):
    name: str
    call: Call
    status: int
    headers: list[list[str]]
    body: str
    answers: dict[str, Expected]


def _lines(text: str, word: str) -> tuple[list[str], list[str], str]:
    """What the lines say that begin with that word, the other lines, and what follows them."""
    head, _, body = text.partition("\n\n")
    lines = head.splitlines()
    found = [line.removeprefix(word).strip() for line in lines if line.startswith(word)]
    return found, [line for line in lines if not line.startswith(word)], body.strip()


def _expected(sections: list[str]) -> Iterator[tuple[str, Expected]]:
    for section in sections:
        ways, (status, *headers), answer = _lines(section, "as:")
        for way in ways:
            document = msgspec.json.decode(answer) if answer else None
            yield way, Expected(int(status), headers, document)


def read(path: Path) -> Case:
    first, *sections = path.read_text().split("\n---\n")
    (tool,), (_, status, *headers), body = _lines(first, "tool:")
    return Case(
        path.stem,
        CALLS[tool],
        int(status.removeprefix("upstream:")),
        [list(line.split(": ", 1)) for line in headers],
        body,
        dict(_expected(sections)),
    )


ALL = [read(path) for path in sorted(CASES.glob("*.txt"))]


async def _asked(app: World, case: Case, way: str) -> Met:
    """One call of that era on a server of that channel."""
    era, channel = cast("Any", way.split())
    if channel not in app.servers:
        app.servers[channel] = await app.house.server(
            app.accounts["acme"], config={"rate_limit_errors": channel}
        )
    answer = rule("/*", case.body, status=case.status, headers=case.headers)
    if era != "raw":
        return await app.call(("path", era), case.call, answer, server=channel)
    path, _ = app.address("path", channel)
    return await app.post(path, case.call.body("legacy"), {"accept": "application/json"}, answer)


def _told(met: Met) -> list[str]:
    return [f"{name}: {value}" for name, value in met.response.headers if name.startswith(NAMES)]


def _lasting(body: bytes) -> Any:
    """The answer without what differs from run to run or from build to build."""
    text = re.sub(r"req_[0-9a-f]+", "req_…", body.decode())
    return msgspec.json.decode(re.sub(r'"version":"[^"]*"', '"version":"VERSION"', text))


@pytest.mark.parametrize(
    ("case", "way"),
    [(case, way) for case in ALL for way in case.answers if way != "success"],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else value.name,
)
async def test_a_429_is_told_as_its_case_says(app: World, case: Case, way: str) -> None:
    """Status, headers and every member of the answer; one request, and its rows in the audit."""
    met, expected = await _asked(app, case, way), case.answers[way]
    assert met.response.status == expected.status
    assert _told(met) == expected.headers
    assert _lasting(met.response.body) == expected.answer
    assert len(met.upstream) == 1, "never a retry"
    assert met.phases == ["intent", "outcome rate_limited"]
    row = met.rows[1]
    assert (row.http_status, row.upstream_status) == (expected.status, case.status)


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@pytest.mark.parametrize(
    "case", [case for case in ALL if "success" in case.answers], ids=lambda case: case.name
)
async def test_a_success_tells_the_same_facts(app: World, case: Case, way: Any) -> None:
    """The same headers with a 200: the facts stand in the headers of both eras' answers."""
    headers = [["Content-Type", "application/json"], *case.headers]
    met = await app.call(way, case.call, rule("/*", "{}", headers=headers))
    assert succeeded(met) == {}
    assert _told(met) == case.answers["success"].headers


async def test_each_case_pins_every_era_and_channel() -> None:
    """Nine ways to ask, in each of the dialects that the design names."""
    assert {case.name for case in ALL} >= {
        *("delta", "epoch", "milliseconds", "http-date", "retry-after", "body")
    }
    assert all(case.answers.keys() - {"success"} == EVERY for case in ALL)
