"""`/audit` as its readers ask for it: filters, forms, and cursors both ways."""

import csv
import io
from typing import Any

import msgspec
import pytest
from tests.support.calling import NOW
from tests.support.deployment import Deployment

from mcpassport.audit.chain import verify
from mcpassport.audit.export import COLUMNS, from_lines
from mcpassport.audit.query import BATCH_ROWS
from mcpassport.records.audit import AuditRow

COUNT = 3 * BATCH_ROWS


def row(n: int) -> AuditRow:
    """Rows whose members repeat at different distances; one tool name quotes another's filter."""
    return AuditRow(
        ts=NOW.replace(minute=n % 60),
        phase="intent" if n % 2 else "refusal",
        request_id=f"req_{n // 2}",
        tenant="acme",
        server=f"srv_{n % 3}",
        tool='"tool":"plain"' if n % 5 else "plain",
        reason="" if n % 2 else "expired",
    )


async def filled(house: Deployment, count: int = COUNT) -> None:
    await house.services.audit.append(*(row(n) for n in range(count)))


async def everything(house: Deployment, **query: Any) -> list[dict[str, Any]]:
    """Every page of that question."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await house.read("/audit", tenant="acme", **query, **cursor)
        found += page["result"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


FILTERS: list[tuple[dict[str, str], Any]] = [
    ({"phase": "intent"}, lambda n: n % 2),
    ({"server": "srv_1"}, lambda n: n % 3 == 1),
    ({"tool": "plain"}, lambda n: n % 5 == 0),
    ({"reason": "expired", "server": "srv_0"}, lambda n: n % 2 == 0 and n % 3 == 0),
    ({"request_id": "req_7"}, lambda n: n // 2 == 7),
    ({"request_id": "req_"}, lambda n: n < 0),
    ({"from": NOW.replace(minute=50).isoformat()}, lambda n: n % 60 >= 50),
    ({"to": NOW.replace(minute=2).isoformat(), "phase": "intent"}, lambda n: n % 60 == 1),
]


@pytest.mark.parametrize(("query", "fits"), FILTERS)
async def test_filters_find_exactly_the_rows_that_fit(
    house: Deployment, query: dict[str, str], fits: Any
) -> None:
    """In pages of any size, in both directions, every row that fits is there once."""
    first = len(await house.rows("acme")) + 1
    await filled(house)
    expected = [n + first for n in range(COUNT) if fits(n)]
    for limit in (7, 200):
        found = await everything(house, **query, limit=limit)
        own = [row["sequence"] for row in found if row["sequence"] >= first]
        assert own == expected[::-1]
        found = await everything(house, **query, limit=limit, oldest_first=True)
        own = [row["sequence"] for row in found if row["sequence"] >= first]
        assert own == expected


@pytest.mark.parametrize("by_name", [True, False])
async def test_ndjson_holds_what_was_hashed(house: Deployment, by_name: bool) -> None:
    """Asked for by name or by Accept, a whole chain arrives in one answer and verifies."""
    await filled(house)
    headers = {} if by_name else {"accept": "text/html;q=1, application/x-ndjson"}
    query = {"tenant": "acme", "oldest_first": "true", **({"format": "ndjson"} if by_name else {})}
    answer = await house.send("GET", "/audit", headers=headers, query=query)
    assert dict(answer.headers)["content-type"] == "application/x-ndjson"
    assert dict(answer.headers)["cache-control"] == "no-store"
    rows = from_lines(answer.body)
    assert verify(rows) is None
    assert rows == await house.services.audit.rows("acme", limit=2 * COUNT)


async def test_a_stream_goes_on_after_its_last_sequence(house: Deployment) -> None:
    """`limit` bounds an NDJSON answer, and the sequence of the last row is its cursor."""
    await filled(house)
    query = {"tenant": "acme", "format": "ndjson", "oldest_first": "true", "limit": 700}
    first = from_lines((await house.send("GET", "/audit", query=query)).body)
    assert [row.sequence for row in first] == list(range(1, 701))
    more = {**query, "cursor": first[-1].sequence}
    second = from_lines((await house.send("GET", "/audit", query=more)).body)
    assert verify([*first, *second]) is None


async def test_csv_starts_no_formula(house: Deployment) -> None:
    """A name that a caller chose is text in a spreadsheet, and every field has its column."""
    for name in ("=1+1", "+1", "-1", "@a", "\ta", 'a","b\n=1', "plain"):
        await house.services.audit.append(msgspec.structs.replace(row(0), tool=name))
    answer = await house.send(
        "GET",
        "/audit",
        query={"tenant": "acme", "format": "csv", "phase": "refusal", "oldest_first": "true"},
    )
    assert dict(answer.headers)["content-type"].startswith("text/csv")
    head, *lines = csv.reader(io.StringIO(answer.body.decode(), newline=""))
    assert tuple(head) == COLUMNS
    tools = [line[head.index("tool")] for line in lines]
    assert tools == ["'=1+1", "'+1", "'-1", "'@a", "'\ta", 'a","b\n=1', "plain"]


@pytest.mark.parametrize(
    "query",
    [
        {"phase": "none"},
        {"limit": 201},
        {"limit": 10_001, "format": "csv"},
        {"from": "2026-01-01T00:00:00"},
        {"cursor": "x"},
        {"format": "xml"},
        {"tool": ""},
    ],
)
async def test_a_wrong_question_is_refused(house: Deployment, query: dict[str, Any]) -> None:
    """No filter, form or cursor is silently taken for another."""
    assert (await house.send("GET", "/audit", query=query)).status == 400


async def test_events_are_told_in_either_direction(house: Deployment) -> None:
    """`/event` holds the management changes of a chain, and no row of a request."""
    await filled(house, 10)
    for name in "ab":
        await house.made("/api-token", {"role": "factor", "name": name}, caller="acme")
    newest = (await house.read("/event", caller="acme"))["result"]
    oldest = (await house.read("/event", caller="acme", oldest_first=True))["result"]
    assert newest == oldest[::-1]
    assert [row["action"] for row in newest] == ["api_token.create"] * 2
    assert {row["phase"] for row in newest} == {"event"}
    await house.push()
    assert (await house.read("/event"))["result"][0]["action"] == "integration.push"
