"""Works on a store in a process of its own: `python -m tests.support.storechild KIND FOLDER WHAT`.

`crash-write` and `crash-append` die before the first statement, then on a fresh folder before the
second, and so on, until the work is done without dying; each attempt leaves its folder behind.
`take`, `append` and `keys` wait for a line on standard input, so that two processes start together.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from hashlib import sha256
from itertools import count
from pathlib import Path

from tests.support.stores import BACKENDS, Backend, SteppingClock

from mcpassport.records.masked import KeyMaterial
from mcpassport.store.keys import open_keys
from mcpassport.store.protocol import (
    ABSENT,
    Append,
    Delete,
    EtagConflict,
    Key,
    Op,
    Pending,
    Put,
)

KEPT, GONE, NEW = Key("thing", "t", "kept"), Key("thing", "t", "gone"), Key("thing", "t", "new")
SEED: tuple[Op, ...] = (Put(KEPT, b"old"), Put(GONE, b"old"), Append("e0", "t", b"seeded"))
CHANGE: tuple[Op, ...] = (
    Append("e1", "t", b"first"),
    Put(KEPT, b"changed"),
    Delete(GONE),
    Put(NEW, b"made"),
    Append("e2", "t", b"second"),
)
ROWS = (Pending("a", b"1"), Pending("b", b"2", "e1"), Pending("a", b"3"), Pending("c", b"4"))
RACE = Key("thing", "t", "race")
ROUNDS = 200


def link(previous: bytes, sequence: int, body: bytes) -> bytes:
    """A hash that covers all three."""
    return sha256(previous + sequence.to_bytes(8, "big") + body).digest()


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _die_at(stop: int) -> Callable[[], None]:
    seen = count(1)

    def callback() -> None:
        if next(seen) == stop:
            os._exit(9)

    return callback


async def _crash_write(backend: Backend, folder: Path, stop: int) -> None:
    store = backend.open_store(folder, SteppingClock())
    etags = await store.write(SEED)
    backend.before_each_statement(store, _die_at(stop))
    await store.write(CHANGE, {KEPT: etags[KEPT], NEW: ABSENT})


async def _crash_append(backend: Backend, folder: Path, stop: int) -> None:
    audit = backend.open_audit(folder)
    await audit.append([Pending("a", b"0")], link)
    backend.before_each_statement(audit, _die_at(stop))
    await audit.append(ROWS, link)


def _crash(backend: Backend, folder: Path, work: Callable[..., Awaitable[None]]) -> None:
    for stop in count(1):
        attempt = folder / f"{stop:03d}"
        attempt.mkdir()
        child = os.fork()
        if not child:
            try:
                asyncio.run(work(backend, attempt, stop))  # type: ignore[arg-type]  # coroutines
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 9:
            sys.exit(status)


async def _take(backend: Backend, folder: Path) -> None:
    store = backend.open_store(folder, SteppingClock())
    (entry,) = await store.get_many([RACE])
    assert entry is not None
    _say("ready")
    sys.stdin.readline()
    try:
        await store.write([Put(RACE, b"taken")], {RACE: entry.etag})
        _say("won")
    except EtagConflict:
        _say("lost")
    await store.close()


async def _append(backend: Backend, folder: Path) -> None:
    audit = backend.open_audit(folder)
    _say("ready")
    sys.stdin.readline()
    for number in range(ROUNDS):
        body = f"{os.getpid()} {number}".encode()
        await audit.append([Pending("t", body), Pending("u", body)], link)
    await audit.close()
    _say("done")


async def _keys(backend: Backend, folder: Path) -> None:
    store = backend.open_keystore(folder)
    master = KeyMaterial(bytes(range(32)))
    _say("ready")
    sys.stdin.readline()
    keys = await open_keys(store, master, clock=SteppingClock(), random=os.urandom)
    token = (await keys.token_keys()).current.key.unwrap().hex()
    versions = [await keys.create_tenant_key("a") for _ in range(20)]
    await keys.close()
    _say(" ".join([token, *map(str, versions)]))


def main() -> None:
    """Run what the arguments say."""
    kind, folder, what = sys.argv[1:]
    backend, path = BACKENDS[kind], Path(folder)
    if what == "crash-write":
        _crash(backend, path, _crash_write)
    elif what == "crash-append":
        _crash(backend, path, _crash_append)
    else:
        asyncio.run({"take": _take, "append": _append, "keys": _keys}[what](backend, path))


if __name__ == "__main__":
    main()
