"""Check of Credential handling: a stored credential opens in its own place only."""

import sqlite3
from contextlib import closing
from typing import Final

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.probe import CALLS, GET
from mcpassport.store import DATA_FILE

WAIT_S: Final = 10
_READ: Final = "SELECT value FROM records WHERE kind = 'credential' AND id = ?"
_WRITE: Final = "UPDATE records SET value = ? WHERE kind = 'credential' AND id = ?"


async def bound(bench: Bench, finding: Finding) -> None:
    """CRE-02. Control: with its own bytes back, the account works, by the same way of writing."""
    one = await bench.grant()
    credential = bench.canary("credential")
    account = await bench.account(one.tenant, credential)
    two, foreign = await bench.grant(one.tenant, account), await bench.grant()
    own = _stored(bench, account)
    for kind, source in (("of the same tenant", one.account), ("of another", foreign.account)):
        _put(bench, account, _stored(bench, source))
        await bench.lab.answer()
        came = await bench.call(two, GET, **CALLS[GET])
        sent = len(await bench.lab.seen())
        fact = f"the credential of another account {kind}, copied: the call fails, nothing is sent"
        finding.expect(came != "ok" and sent == 0, fact, (came, sent))
    _put(bench, account, own)
    await bench.lab.answer()
    came = await bench.call(two, GET, **CALLS[GET])
    carried = [each.header("Authorization") for each in await bench.lab.seen()]
    finding.control = came == "ok" and carried == [f"Bearer {credential}"]


def _stored(bench: Bench, account: str) -> bytes:
    with closing(sqlite3.connect(bench.sandbox.data / DATA_FILE, timeout=WAIT_S)) as data:
        found = data.execute(_READ, (account,)).fetchone()
    if found is None:
        raise CheckFailed("no credential is stored under the account's id")
    return bytes(found[0])


def _put(bench: Bench, account: str, value: bytes) -> None:
    with closing(sqlite3.connect(bench.sandbox.data / DATA_FILE, timeout=WAIT_S)) as data, data:
        data.execute(_WRITE, (value, account))
