"""Mutations: of JSON values, of their spelling, of bytes. All of it follows from one `Random`.

A generator of our own, since an input must be reproducible by its number alone and cost
microseconds: a library that shrinks and remembers takes hours for a million inputs, not minutes.
"""

import copy
import json
from collections.abc import Callable
from random import Random
from typing import Any

DEEPEST = 400
LONGEST = 70_000
"""More than the request cap of the fuzzed deployment."""


class Raw(str):
    """JSON text, or what pretends to be, that is written as it stands."""

    __slots__ = ()


NUMBERS = (0, -1, 1, 1.0, -0.0, 0.1, 2**31, 2**53, -(2**53), 2**63, 2**64, 1e308)
RAW = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "0" * 5, "1" * 5000, "1.", ".5", "+1"),
    *("tru", "undefined", "'x'", '"\\ud800"', '"\\u0000"', '"\\x41"', '"\x01"', "1,2"),
    *('{"a":1,"a":2}', '{"a"}', "[1,]", "{,}", "/**/1", '"unclosed'),
)
TEXTS = (
    *("", " ", "0", "null", "..", "../../etc/passwd", "%2e%2e%2f", "a/b", "a?b", "a#b", "\\"),
    *("\u0000", "\r\nX-Injected: 1", "\u202e\u2066", "\ufeff", "\U0001f600", "é", "ﬁ", "①②⑦.0.0.1"),
    *("{{args.id}}", "{{credentials.token}}", "$", "=?base64?YQ==?=", "=?base64?!?=", "<script>"),
    *("2026-07-28", "2025-11-25", "2024-11-05", "tools/call", "tools/list", "initialize", "ping"),
    *("server/discover", "notifications/cancelled", "mcpp_srv_x", "application/json", "text/html"),
)


def value(rng: Random, depth: int = 3) -> Any:
    """Any JSON value, or something that is none."""
    kind = rng.randrange(12)
    if kind < 3 or depth == 0:
        return rng.choice(TEXTS)
    if kind < 5:
        return rng.choice(NUMBERS)
    if kind == 5:
        return rng.choice((None, True, False))
    if kind == 6:
        return Raw(rng.choice(RAW))
    if kind == 7:
        return _large(rng)
    size = rng.randrange(4)
    if kind < 10:
        return [value(rng, depth - 1) for _ in range(size)]
    return {rng.choice(TEXTS): value(rng, depth - 1) for _ in range(size)}


def _large(rng: Random) -> Any:
    """Deep, long or wide, now and then beyond every cap."""
    size = rng.choice((10, 63, 64, 65, 130, DEEPEST))
    kind = rng.randrange(5)
    if kind == 0:
        return Raw("[" * size + "]" * size)
    if kind == 1:
        return Raw('{"a":' * size + "1" + "}" * size)
    if kind == 2:
        return "x" * rng.choice((100, 1_000, LONGEST))
    if kind == 3:
        return {f"k{number}": number for number in range(size)}
    return [1] * size


def tree(rng: Random, original: Any, most: int = 3) -> Any:
    """A copy with up to so many mutations, each at any place."""
    changed = copy.deepcopy(original)
    for _ in range(rng.randint(0, most)):
        changed = _one(rng, changed)
    return changed


def _places(root: Any) -> list[tuple[Any, Any]]:
    """Every container with every key or index in it."""
    found: list[tuple[Any, Any]] = []
    waiting = [root]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found += [(each, key) for key in each]
            waiting += each.values()
        elif isinstance(each, list):
            found += [(each, index) for index in range(len(each))]
            waiting += each
    return found


def _one(rng: Random, root: Any) -> Any:
    places = _places(root)
    if not places or rng.randrange(30) == 0:
        return rng.choice((value(rng), [root], [root, root], {"jsonrpc": "2.0", "params": root}))
    container, key = rng.choice(places)
    rng.choice(_CHANGES)(rng, container, key)
    return root


def _replace(rng: Random, container: Any, key: Any) -> None:
    container[key] = value(rng)


def _drop(_rng: Random, container: Any, key: Any) -> None:
    del container[key]


def _rename(rng: Random, container: Any, key: Any) -> None:
    if isinstance(container, dict):
        container[text(rng, key)] = container.pop(key)
    else:
        container.insert(key, value(rng))


def _add(rng: Random, container: Any, _key: Any) -> None:
    if isinstance(container, dict):
        container[rng.choice(TEXTS)] = value(rng)
    else:
        container.append(value(rng))


def _bend(rng: Random, container: Any, key: Any) -> None:
    """A value that is almost the one that stood there."""
    old = container[key]
    if isinstance(old, str) and not isinstance(old, Raw):
        container[key] = text(rng, old)
    elif isinstance(old, bool | int | float):
        container[key] = rng.choice((str(old), old + 1, -old, [old], float(old)))
    else:
        container[key] = [old]


_CHANGES: tuple[Callable[[Random, Any, Any], None], ...] = (_replace, _drop, _rename, _add, _bend)


def text(rng: Random, original: str) -> str:
    """A text that is almost this one."""
    kind, at = rng.randrange(6), rng.randrange(len(original) + 1)
    if kind == 0:
        return original[:at] + rng.choice(TEXTS) + original[at:]
    if kind == 1:
        return original[:at] + original[at + 1 :]
    if kind == 2:
        return original.swapcase()
    if kind == 3:
        return original + original
    if kind == 4:
        return rng.choice(TEXTS)
    return original[:at] + chr(rng.choice((0, 9, 10, 32, 127, 233, 0x202E))) + original[at + 1 :]


def spelled(rng: Random, root: Any) -> bytes:
    """The value as JSON text, now and then in an odd spelling."""
    style = rng.randrange(8)
    ascii_only, gap = style != 0, " \n\t" if style == 1 else ""
    written = _spell(root, gap, ascii_only=ascii_only, doubled=style == 2)
    return written.encode("utf-8", "surrogatepass")


def _spell(root: Any, gap: str, *, ascii_only: bool, doubled: bool) -> str:
    if isinstance(root, Raw):
        return str(root)
    if isinstance(root, dict):
        members = [
            f"{_spell(str(key), gap, ascii_only=ascii_only, doubled=False)}{gap}:{gap}"
            f"{_spell(member, gap, ascii_only=ascii_only, doubled=doubled)}"
            for key, member in root.items()
        ]
        return "{" + gap + f"{gap},".join(members * 2 if doubled else members) + "}"
    if isinstance(root, list):
        items = [_spell(item, gap, ascii_only=ascii_only, doubled=doubled) for item in root]
        return "[" + gap + f"{gap},".join(items) + "]"
    return json.dumps(root, ensure_ascii=ascii_only)


def damaged(rng: Random, data: bytes) -> bytes:
    """The bytes, one time in four with some of them wrong."""
    if rng.randrange(4):
        return data
    return rng.choice(_DAMAGES)(rng, data, rng.randrange(len(data) + 1))


NO_UTF8 = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00")
_DAMAGES: tuple[Callable[[Random, bytes, int], bytes], ...] = (
    lambda _rng, data, at: data[:at],
    lambda rng, data, at: data[:at] + rng.randbytes(1) + data[at + 1 :],
    lambda rng, data, at: data[:at] + rng.choice(NO_UTF8) + data[at:],
    lambda _rng, data, _at: b"\xef\xbb\xbf" + data,
    lambda rng, data, _at: data + rng.choice((b"{}", b",", b"\x00", b" 1", b"\n" + data)),
    lambda _rng, data, _at: data.decode("utf-8", "replace").encode("utf-16"),
    lambda _rng, data, _at: data.decode("utf-8", "replace").encode("utf-32"),
    lambda rng, _data, _at: rng.randbytes(rng.randrange(64)),
    lambda _rng, _data, _at: b"",
)
