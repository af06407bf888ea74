"""The fingerprint key of a tenant: disclosed once, with its event, and recomputing every row."""

import asyncio
import hmac
from typing import Any

from tests.support.asgi import Response
from tests.support.calling import legacy
from tests.support.deployment import Deployment
from tests.support.faults import FAULTS

from mcpassport.store import AUDIT_FILE

PATH = "/tenant/acme/fingerprint-key"
REPEATED = {"idempotency-key": "once"}


async def ask(house: Deployment, caller: str = "acme", **more: Any) -> Response:
    return await house.send("POST", PATH, caller=caller, **more)


async def disclosures(house: Deployment) -> list[tuple[str, str, str]]:
    rows = await house.rows("acme")
    return [
        (row.action, row.subject, row.principal)
        for row in rows
        if row.action.startswith("fingerprint_key")
    ]


async def test_the_key_is_shown_once(house: Deployment) -> None:
    """The first answer holds it, every later one is a conflict, and reading tells when and to whom.

    It is in no file in plain text, and its disclosure is one event of the tenant's chain.
    """
    assert (await house.read(PATH, caller="acme auditor"))["disclosed_at"] is None
    first = await ask(house)
    document = first.json()
    assert (first.status, document["secret"], len(document["key"])) == (201, "shown_once", 64)
    assert first.header("cache-control") == "no-store"
    for caller in ("acme", "admin"):
        again = await ask(house, caller)
        assert (again.status, again.json()["type"]) == (409, "conflict")
        assert "already disclosed" in again.json()["detail"]
    read = await house.read(PATH, caller="acme auditor")
    assert (read["disclosed_by"], read["key"], read["secret"]) == ("tok_acme", None, None)
    assert await disclosures(house) == [("fingerprint_key.disclose", "acme", "tok_acme")]
    files = house.files()
    assert document["key"].encode() not in files
    assert bytes.fromhex(document["key"]) not in files


async def test_a_repeat_under_an_idempotency_key_shows_no_key(house: Deployment) -> None:
    """Who lost the answer learns that it was disclosed; another request is a conflict."""
    assert (await ask(house, headers=REPEATED)).json()["secret"] == "shown_once"
    again = await ask(house, headers=REPEATED)
    assert (again.status, again.json()["secret"]) == (201, "already_disclosed")
    assert again.json()["key"] is None
    assert (await ask(house, headers={"idempotency-key": "other"})).status == 409
    assert len(await disclosures(house)) == 1


async def test_of_many_who_ask_at_once_one_gets_it(house: Deployment) -> None:
    """Each other one is told that it is disclosed; nobody gets it later."""
    answers = await asyncio.gather(*(ask(house, who) for who in ("acme", "admin") * 6))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 11
    assert (await ask(house)).status == 409


async def test_nothing_is_shown_while_it_cannot_be_recorded(house: Deployment) -> None:
    """Without the event in the chain there is no key, and who asks again afterwards gets it."""
    audit = house.services.audit_store
    with FAULTS["gone"](audit, house.services.settings.data_dir / AUDIT_FILE):
        refused = await ask(house, headers=REPEATED)
    assert refused.status == 503
    assert b"key" not in refused.body
    assert (await house.read(PATH))["disclosed_at"] is None
    document = (await ask(house, headers=REPEATED)).json()
    assert (document["secret"], document["disclosed_by"]) == ("shown_once", "tok_acme")
    assert (await ask(house)).status == 409


async def test_the_key_recomputes_the_fingerprint_of_a_row(house: Deployment) -> None:
    """HMAC-SHA256 over the canonical arguments, under the key as it was shown."""
    await house.push()
    server = await house.server(await house.account())
    call = {"name": "get_single_notes_note_by_id", "arguments": {"id": "n1"}}
    await house.mcp(f"/mcp/{server['token']}", legacy("tools/call", call))
    key = bytes.fromhex((await ask(house)).json()["key"])
    expected = hmac.new(key, b'{"id":"n1"}', "sha256").hexdigest()
    calls = [row for row in await house.rows("acme") if row.tool]
    assert {row.fingerprint for row in calls} == {expected}
