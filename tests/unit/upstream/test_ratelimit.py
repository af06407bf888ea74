"""Rate-limit headers of many dialects come out as one."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.upstreams import response

from mcpassport.expressions import compile_expression
from mcpassport.records.envelope import RateLimit
from mcpassport.records.integration import RateLimitMap
from mcpassport.upstream.ratelimit import from_headers, from_map, map_source, values_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("headers", "facts"),
    [
        ({}, None),
        ({"x-ratelimit-limit": "many"}, None),
        (
            {"x-ratelimit-limit": "100", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "30"},
            RateLimit(100, 0, 30),
        ),
        ({"x-rate-limit-reset": str(EPOCH + 30)}, RateLimit(reset=30)),
        ({"x-rate-limit-reset": f"{EPOCH + 30}.2"}, RateLimit(reset=31)),
        ({"ratelimit-reset": str((EPOCH + 30) * 1000)}, RateLimit(reset=30)),
        ({"ratelimit-reset": str(EPOCH - 30)}, RateLimit(reset=0)),
        ({"x-ratelimit-reset": "Fri, 02 Jan 2026 03:04:35 GMT"}, RateLimit(reset=30)),
        ({"x-ratelimit-reset": "2026-01-02T03:04:35Z"}, RateLimit(reset=30)),
        ({"x-ratelimit-reset": "2026-01-02T04:04:35.5+01:00"}, RateLimit(reset=31)),
        ({"ratelimit-limit": "100, 100;w=60"}, RateLimit(limit=100)),
        ({"retry-after": "120"}, RateLimit(retry_after=120)),
        ({"retry-after": "1.5"}, RateLimit(retry_after=2)),
        ({"retry-after": "Fri, 02 Jan 2026 03:05:05 GMT"}, RateLimit(retry_after=60)),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT"}, RateLimit(retry_after=0)),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 99 Xyz 99999 03:05:05 GMT"}, None),
        ({"ratelimit": '"default";r=50;t=30'}, RateLimit(remaining=50, reset=30)),
        (
            {"ratelimit": '"a";r=50;t=30, "b";r=2;t=5', "ratelimit-policy": '"a";q=100;w=60'},
            RateLimit(100, 2, 5),
        ),
        ({"ratelimit-policy": '"a";q=100;w=60'}, RateLimit(limit=100)),
        ({"ratelimit": "limit=10, remaining=3, reset=7"}, RateLimit(10, 3, 7)),
        ({"x-ratelimit-limit": "5", "ratelimit-limit": "9"}, RateLimit(limit=5)),
    ],
)
def test_headers(headers: dict[str, str], facts: RateLimit | None) -> None:
    """Epochs, milliseconds, deltas and dates become whole seconds from now."""
    assert from_headers(response(b"", headers=headers.items()), NOW) == facts


@given(st.text(max_size=30), st.sampled_from(["x-ratelimit-reset", "retry-after", "ratelimit"]))
def test_any_header_is_read_or_left(value: str, name: str) -> None:
    """No value makes the reader fail, and no figure is negative."""
    facts = from_headers(response(b"", headers=[(name, value)]), NOW)
    figures = [] if facts is None else [facts.reset, facts.retry_after, facts.remaining]
    assert all(figure is None or figure >= 0 for figure in figures)


@pytest.mark.parametrize(
    ("unit", "value", "seconds"),
    [
        ("seconds", 30, 30),
        ("seconds", EPOCH, EPOCH),
        ("epoch", EPOCH + 30, 30),
        ("epoch", str(EPOCH + 30), 30),
        ("epoch_ms", (EPOCH + 30) * 1000 + 1, 31),
        ("http_date", "Fri, 02 Jan 2026 03:04:35 GMT", 30),
        ("iso8601", "2026-01-02T03:04:35", 30),
        ("iso8601", 5, None),
        ("http_date", "soon", None),
        ("seconds", None, None),
        ("seconds", True, None),
        ("seconds", [1], None),
    ],
)
def test_units_of_a_map(unit: Any, value: Any, seconds: int | None) -> None:
    """A map says the unit, so nothing is guessed; what does not fit tells nothing."""
    facts = from_map({"reset": value}, unit, response(b""), NOW)
    assert facts == (None if seconds is None else RateLimit(reset=seconds))


def test_a_map_is_one_expression() -> None:
    """Its parts keep to their places, comments included."""
    source = map_source(RateLimitMap(limit="a; b /* ) */", remaining="c"))
    assert (
        compile_expression(source, "test").source
        == '{"limit": (a; b /* ) */\n), "remaining": (c\n)}'
    )


@pytest.mark.parametrize("result", [None, b"1", b"[]", b"null"])
def test_a_map_that_gives_no_object_tells_nothing(result: bytes | None) -> None:
    """Whatever the expression came to, there are no facts in it."""
    assert values_of(result) == {}
