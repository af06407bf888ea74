"""Check of Key rotation: everything goes on, and what is behind it is exchanged."""

import asyncio
import secrets
import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from mcpassport.accounts.rekeying import OLD_KEYS_KEPT
from mcpassport.errors import DataFolderError
from mcpassport.evidence.bench import Bench, Grant, document_of
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.records.masked import KeyMaterial
from mcpassport.store import DATA_FILE, KEYS_FILE, folder_url, open_keystore
from mcpassport.store.copies.backup import take
from mcpassport.store.keys import CACHE_TTL, TOKEN_KEY_NOTICE, open_keys
from mcpassport.store.keystore import KEY_BYTES, KeyStore
from mcpassport.store.vault import key_version

OK: Final = 200
GONE: Final = "not_found"
_MANY: Final = 10_000
_PATIENCE: Final = 100
_SEALED: Final = "SELECT value FROM records WHERE kind = 'credential' AND tenant = ?"
_LIVING: Final = """
    SELECT version FROM keys WHERE kind = 'tenant' AND tenant = ? AND wrapped IS NOT NULL"""


async def exchanged(bench: Bench, finding: Finding) -> None:
    """CRE-08. Control: what was sealed or hashed before did depend on the keys before."""
    grant, unused = await bench.grant(), await bench.grant()
    await bench.lab.answer()
    before = _sealed_under(bench, grant), await bench.call(grant, GET, **CALLS[GET])
    await _data_key(bench, grant, finding)
    ended = await _token_key(bench, grant, unused, finding)
    finding.control = before == (1, "ok") and ended and await _master_key(bench, finding)


async def _data_key(bench: Bench, grant: Grant, finding: Finding) -> None:
    await _posted(bench, f"/tenant/{grant.tenant}/rotate-key")
    sealed = _sealed_under(bench, grant)
    finding.expect(sealed == 2, "its credential is sealed under the next data key", sealed)  # noqa: PLR2004 - the second
    await _goes_on(bench, grant, finding, "data key")
    await bench.sandbox.step(OLD_KEYS_KEPT.total_seconds() + 1)
    for _ in range(_PATIENCE):  # the sweep is a job
        if (left := _versions(bench, grant)) == [2]:
            break
        await asyncio.sleep(0.05)
    finding.expect(left == [2], "a day later the key before is destroyed", left)
    await _goes_on(bench, grant, finding, "destroyed key")


async def _token_key(bench: Bench, grant: Grant, unused: Grant, finding: Finding) -> bool:
    """Whether a token that nobody presented ended with its key."""
    await _posted(bench, "/key/token-key/rotate")
    await _goes_on(bench, grant, finding, "token key that is announced")
    await bench.sandbox.step((TOKEN_KEY_NOTICE + CACHE_TTL).total_seconds() + 1)
    waiting = await _left(bench)
    await _goes_on(bench, grant, finding, "token key")
    moved = {grant.server, unused.server} & (waiting - await _left(bench))
    finding.expect(moved == {grant.server}, "a token that is presented moves over", moved)
    await _posted(bench, "/key/token-key/finish")
    await _goes_on(bench, grant, finding, "destroyed token key")
    return await bench.call(unused, GET, **CALLS[GET]) == GONE


async def _master_key(bench: Bench, finding: Finding) -> bool:
    """On a copy of the keys: whether the master key before opened them, until it did not."""
    new, clock = KeyMaterial(secrets.token_bytes(KEY_BYTES)), partial(datetime.now, UTC)
    old = bench.sandbox.master_key
    with TemporaryDirectory(dir=bench.sandbox.folder) as name:
        copy = Path(name) / "keys.backup"
        url = folder_url(bench.sandbox.data)
        await take(url, "keys", copy, datetime.now(UTC), lambda *_: None)
        with tarfile.open(copy) as held:
            held.extractall(name, filter="data")
        store = open_keystore(folder_url(Path(name)))
        opened = await _opens(store, old)
        both = await open_keys(store, new, clock=clock, random=secrets.token_bytes, previous=old)
        count, _ = await both.rewrap(None, _MANY)
        found = await _opens(store, new), await _opens(store, old)
        await store.close()
    finding.expect(
        count > 0 and found == (True, False),
        "on a copy: every key is wrapped anew, and the master key before opens none",
        count,
    )
    return opened


async def _opens(store: KeyStore, master: KeyMaterial) -> bool:
    class Kept:
        """The same store, which stays open."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def close(self) -> None:
            return None

    clock = partial(datetime.now, UTC)
    try:
        keys = await open_keys(Kept(), master, clock=clock, random=secrets.token_bytes)
        await keys.token_keys()
    except DataFolderError:
        return False
    return True


async def _goes_on(bench: Bench, grant: Grant, finding: Finding, what: str) -> None:
    came = await bench.call(grant, GET, **CALLS[GET])
    finding.expect(came == "ok", f"calls go on across the {what}", came)


async def _posted(bench: Bench, path: str) -> None:
    answer = await bench.manage("POST", path)
    if answer.status != OK:
        raise CheckFailed(f"POST {path} answered {answer.status}")


async def _left(bench: Bench) -> set[str]:
    """The ids of living tokens that are stored under the token key before."""
    found: set[str] = set()
    cursor = ""
    while True:
        query = f"?cursor={cursor}" if cursor else ""
        page = document_of(await bench.manage("GET", f"/key/token-key/left{query}"))
        found |= {each["id"] for each in page["result"]}
        if (cursor := page["next_cursor"]) is None:
            return found


def _sealed_under(bench: Bench, grant: Grant) -> int:
    with closing(sqlite3.connect(bench.sandbox.data / DATA_FILE)) as data:
        (sealed,) = data.execute(_SEALED, (grant.tenant,)).fetchone()
    return key_version(sealed)


def _versions(bench: Bench, grant: Grant) -> list[int]:
    with closing(sqlite3.connect(bench.sandbox.data / KEYS_FILE)) as keys:
        return [version for (version,) in keys.execute(_LIVING, (grant.tenant,))]
