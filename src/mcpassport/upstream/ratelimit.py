"""Rate-limit facts in one dialect: whole seconds from now, whatever the upstream speaks.

Headers that are recognised when the integration has no map: `x-ratelimit-*`, `x-rate-limit-*` and
`ratelimit-*` (`-limit`, `-remaining`, `-reset`), the `RateLimit` and `RateLimit-Policy` fields
(draft-ietf-httpapi-ratelimit-headers; of several quotas the one with the fewest left counts), and
`retry-after` (RFC 9110, 10.2.3), which counts beside a map too.

A reset without a unit is read by its size: from 10^11 on it is epoch milliseconds (that is 1973),
from 10^9 on epoch seconds (2001; as a delta it would be 31 years), else seconds from now. An HTTP
date or an ISO 8601 time is read as such. Fractions are rounded up; what has passed is 0.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec

from mcpassport.records.calls import OutboundResponse
from mcpassport.records.envelope import RateLimit
from mcpassport.records.integration import RateLimitMap, ResetUnit

EPOCH_FROM: Final = 10**9
EPOCH_MS_FROM: Final = 10**11
_LARGEST: Final = 2**53 - 1

_PREFIXES: Final = ("x-ratelimit-", "x-rate-limit-", "ratelimit-")
_ENDINGS: Final = ("-limit", "-remaining", "-reset", "-policy", "ratelimit", "retry-after")
_NUMBER: Final = re.compile(r"\s*([0-9]{1,17}(?:\.[0-9]{1,9})?)\s*(?:$|[,;])")
_PARAMETER: Final = re.compile(r'(?:^|[;,\s])(limit|remaining|reset|q|r|t)\s*=\s*"?([0-9]{1,17})')
_ITEM: Final = re.compile(r'(?:"[^"]*"|[^",])+')


def map_source(mapping: RateLimitMap) -> str:
    """One expression for the whole map, so that a response is read once.

    Each part compiles by itself (the loader checks it), so it cannot reach out of its parentheses.
    """
    parts = {
        "is_limited": mapping.is_limited,
        "limit": mapping.limit,
        "remaining": mapping.remaining,
        "reset": mapping.reset,
        "retry_after": mapping.retry_after,
    }
    written = (f'"{name}": ({source}\n)' for name, source in parts.items() if source is not None)
    return "{" + ", ".join(written) + "}"


def from_headers(response: OutboundResponse, now: datetime) -> RateLimit | None:
    """The facts that the common headers tell, or None if they tell nothing."""
    headers = {name: value for name, value in reversed(response.headers) if name.endswith(_ENDINGS)}
    if not headers:
        return None
    facts: dict[str, int | None] = {}
    for prefix in _PREFIXES:
        _take(facts, "limit", _whole(headers.get(f"{prefix}limit")))
        _take(facts, "remaining", _whole(headers.get(f"{prefix}remaining")))
        _take(facts, "reset", _moment(headers.get(f"{prefix}reset"), now))
    for name, value in _structured(response).items():
        _take(facts, name, value)
    _take(facts, "retry_after", retry_after(headers.get("retry-after"), now))
    return _facts(facts)


def from_map(
    values: Mapping[str, Any], unit: ResetUnit, response: OutboundResponse, now: datetime
) -> RateLimit | None:
    """The facts that the integration's expressions gave, and `retry-after` if they gave none."""
    facts: dict[str, int | None] = {}
    _take(facts, "limit", _whole(values.get("limit")))
    _take(facts, "remaining", _whole(values.get("remaining")))
    _take(facts, "reset", _UNITS[unit](values.get("reset"), now))
    _take(facts, "retry_after", retry_after(values.get("retry_after"), now))
    _take(facts, "retry_after", retry_after(response.header("retry-after"), now))
    return _facts(facts)


def values_of(result: bytes | None) -> dict[str, Any]:
    """The object that the expression of `map_source` came to."""
    value = None if result is None else msgspec.json.decode(result)
    return value if isinstance(value, dict) else {}


def retry_after(value: Any, now: datetime) -> int | None:
    """Seconds to wait, given as seconds or as an HTTP date."""
    seconds = _whole(value, up=True)
    return seconds if seconds is not None else _http_date(value, now)


def _take(facts: dict[str, int | None], name: str, value: int | None) -> None:
    if facts.get(name) is None:
        facts[name] = value


def _facts(facts: Mapping[str, int | None]) -> RateLimit | None:
    if all(value is None for value in facts.values()):
        return None
    return RateLimit(**facts)


def _structured(response: OutboundResponse) -> dict[str, int | None]:
    """The `RateLimit` field: `"default";r=50;t=30`, or the older `limit=100, remaining=5`."""
    field = ", ".join(value for name, value in response.headers if name == "ratelimit")
    policy = response.header("ratelimit-policy") or ""
    items = [dict(_PARAMETER.findall(item)) for item in _ITEM.findall(field)]
    tightest = min((item for item in items if "r" in item), key=_left, default={})
    older = dict(_PARAMETER.findall(field))
    quota = dict(_PARAMETER.findall(policy)).get("q")
    return {
        "limit": _whole(tightest.get("q") or older.get("limit") or quota),
        "remaining": _whole(tightest.get("r") or older.get("remaining")),
        "reset": _whole(tightest.get("t") or older.get("reset")),
    }


def _left(item: Mapping[str, str]) -> int:
    return int(item["r"])


def _number(value: Any) -> float | None:
    """A number, or the number that a text begins with (`100, 100;w=60`)."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    match = _NUMBER.match(value) if isinstance(value, str) else None
    return float(match[1]) if match else None


def _whole(value: Any, *, up: bool = False) -> int | None:
    number = _number(value)
    if number is None:
        return None
    return min(max(math.ceil(number) if up else int(number), 0), _LARGEST)


def _seconds(value: Any, _now: datetime) -> int | None:
    return _whole(value, up=True)


def _epoch(value: Any, now: datetime) -> int | None:
    number = _number(value)
    return None if number is None else _whole(number - now.timestamp(), up=True)


def _epoch_ms(value: Any, now: datetime) -> int | None:
    number = _number(value)
    return None if number is None else _epoch(number / 1000, now)


def _http_date(value: Any, now: datetime) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return _until(parsedate_to_datetime(value), now)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _iso8601(value: Any, now: datetime) -> int | None:
    if not isinstance(value, str):
        return None
    try:
        return _until(datetime.fromisoformat(value.strip()), now)
    except (ValueError, OverflowError):
        return None


def _until(moment: datetime, now: datetime) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, math.ceil((aware - now).total_seconds()))


def _moment(value: Any, now: datetime) -> int | None:
    number = _number(value)
    if number is None:
        date = _http_date(value, now)
        return _iso8601(value, now) if date is None else date
    if number >= EPOCH_MS_FROM:
        return _epoch_ms(number, now)
    return _epoch(number, now) if number >= EPOCH_FROM else _seconds(number, now)


_UNITS: Final[Mapping[ResetUnit, Callable[[Any, datetime], int | None]]] = {
    "seconds": _seconds,
    "epoch": _epoch,
    "epoch_ms": _epoch_ms,
    "http_date": _http_date,
    "iso8601": _iso8601,
}
