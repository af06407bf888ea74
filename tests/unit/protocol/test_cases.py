"""Golden cases: `tests/cases/protocol/*.txt`, one exchange each, run for every era it names.

One sentence that says what must hold.
as: legacy 2025-11-25          headers of an MCP client of that revision
as: plain                      an HTTP caller that is no MCP client
as: modern tools/call <name>   headers of a modern request
header: mcp-name: other        one header on top; an empty value takes it away

the request body
---
the status
the answer as JSON, or nothing
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from tests.support.calling import World, legacy_headers, modern_headers

SURFACE = re.compile(rb"(1\.2\.3\+7)\.[0-9a-f]{12}")
"""The server's version ends in its surface digest, which is not what these cases are about."""
CASES = Path(__file__).parents[2] / "cases" / "protocol"


class Case(NamedTuple):
    name: str
    headers: dict[str, str]
    body: bytes
    status: int
    answer: Any


def _headers(words: list[str]) -> dict[str, str]:
    kind, *rest = words
    if kind == "modern":
        return modern_headers(rest[0], rest[1] if len(rest) > 1 else None)
    return legacy_headers(rest[0]) if kind == "legacy" else {"accept": "application/json"}


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.removeprefix("header:").strip().partition(":")
    return name, value.strip()


def read(path: Path) -> Iterator[Case]:
    request, _, expected = path.read_text().partition("\n---\n")
    head, _, body = request.partition("\n\n")
    lines = head.splitlines()[1:]
    changes = dict(_header(line) for line in lines if line.startswith("header:"))
    status, _, answer = expected.partition("\n")
    for line in lines:
        if line.startswith("as:"):
            headers = _headers(line.split()[1:]) | changes
            yield Case(
                f"{path.stem} as {' '.join(line.split()[1:])}",
                {name: value for name, value in headers.items() if value},
                body.strip().encode(),
                int(status),
                msgspec.json.decode(answer) if answer.strip() else None,
            )


ALL = [case for path in sorted(CASES.glob("*.txt")) for case in read(path)]


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
async def test_case(case: Case, world: World) -> None:
    """The answer is, member for member, the one in the file."""
    status, _, body = await world.post(case.body, case.headers)
    assert status == case.status
    body = SURFACE.sub(rb"\1.SURFACE", body)
    assert (msgspec.json.decode(body) if body else None) == case.answer
    assert world.audit.phases(), "every exchange is in the audit"
