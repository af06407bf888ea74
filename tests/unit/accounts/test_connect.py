"""Integrated accounts over a real store, real keys and a real vault."""

import pickle
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.support.deployment import CREDENTIAL, Deployment, deployment, notes

from mcpassport.accounts.connect import AccountDraft
from mcpassport.errors import (
    Conflict,
    InvalidInput,
    McpassportError,
    NoSuchObject,
    ReauthorizationRequired,
    StoreUnavailable,
)
from mcpassport.integrations.load import load_content
from mcpassport.records.grants import Account, Overrides
from mcpassport.records.integration import Integration
from mcpassport.records.masked import Secret
from mcpassport.store.protocol import Delete, Key, Put
from mcpassport.store.repositories import CREDENTIAL_KIND, credential_key

PLANTED = "planted-value-of-a-secret"


def integration(**config: Any) -> Integration:
    """The notes integration, changed."""
    content = notes()
    content["config"] |= config
    loaded = load_content(content)
    assert loaded.integration is not None, loaded.findings
    return loaded.integration


def hosted() -> Integration:
    """One whose address needs `tenant` of the account's context; `region` has a fallback."""
    return integration(
        base_url="https://{{context.tenant}}.notes.example/{{context.region|eu}}",
        allowed_hosts=["*.notes.example"],
    )


def draft(**more: Any) -> AccountDraft:
    """A new account's draft."""
    usual: dict[str, Any] = {
        "id": "acc_1",
        "name": "Notes",
        "credential_kind": "bearer",
        "credential": {"token": CREDENTIAL},
        "context": {},
    }
    return AccountDraft(**{**usual, **more})


class Bench:
    """Accounts of the tenant acme, with shorthands."""

    def __init__(self, house: Deployment) -> None:
        self.house = house
        self.accounts = house.services.accounts

    async def create(self, described: Integration | None = None, **more: Any) -> Account:
        tenant = await self.house.services.tenants.get("acme")
        return await self.accounts.create(tenant, described or integration(), draft(**more), [])

    async def change(
        self, changes: Mapping[str, Any], described: Integration | None = None
    ) -> Account:
        tenant = await self.house.services.tenants.get("acme")
        return await self.accounts.change(
            tenant, "acc_1", described or integration(), dict(changes), []
        )

    async def problems(self, attempt: Any) -> dict[str, str]:
        """Where -> message of what is refused, with no planted value in the error."""
        with pytest.raises(InvalidInput) as caught:
            await attempt
        assert PLANTED not in repr(caught.value) + str(caught.value.problems)
        return {problem.where: problem.message for problem in caught.value.problems}

    async def plaintext(self) -> Any:
        """What the account's credential is, opened as an upstream call would."""
        secret = await self.accounts.credential_of(await self.accounts.get("acme", "acc_1"))
        return msgspec.json.decode(secret.reveal())


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with deployment(tmp_path) as house:
        yield Bench(house)


async def test_an_account_is_connected_and_its_credential_comes_back(bench: Bench) -> None:
    """The record holds no credential; opened, it is what was given; on disk it is nowhere."""
    account = await bench.create()
    assert account == await bench.accounts.get("acme", "acc_1")
    assert CREDENTIAL not in repr(account)
    assert await bench.plaintext() == {"token": CREDENTIAL}
    assert CREDENTIAL.encode() not in bench.house.files()


async def test_an_id_is_given_once(bench: Bench) -> None:
    """A second account of that id is a conflict and changes nothing."""
    await bench.create()
    with pytest.raises(Conflict):
        await bench.create(name="Other", credential={"token": "nt_anothertoken"})
    assert (await bench.accounts.get("acme", "acc_1")).name == "Notes"
    assert await bench.plaintext() == {"token": CREDENTIAL}


async def test_a_credential_kind_is_one_that_the_integration_declares(bench: Bench) -> None:
    """Another kind is refused with the kinds there are."""
    with pytest.raises(InvalidInput, match="'api_key'; it takes: bearer"):
        await bench.create(credential_kind="api_key", credential={"key": PLANTED})


@pytest.mark.parametrize(
    ("credential", "where", "says"),
    [
        ({}, "credential.token", "Access token is required."),
        ({"token": ""}, "credential.token", "Access token is required."),
        ({"token": PLANTED}, "credential.token", "does not match ^nt_"),
        ({"token": CREDENTIAL + "\n"}, "credential.token", "control characters"),
        ({"token": CREDENTIAL + "\r\nX: y"}, "credential.token", "control characters"),
        ({"token": "nt_" + "a" * 8190}, "credential.token", "too long"),
        ({"token": CREDENTIAL, "user": PLANTED}, "credential.user", "The fields are: token."),
    ],
)
async def test_a_credential_that_does_not_fit_is_refused(
    credential: dict[str, str], where: str, says: str, bench: Bench
) -> None:
    """Missing, unknown, malformed and unsendable fields are named; their values are not."""
    found = await bench.problems(bench.create(credential=credential))
    assert says in found[where]
    with pytest.raises(NoSuchObject):
        await bench.accounts.get("acme", "acc_1")


async def test_every_field_that_is_wrong_is_told_at_once(bench: Bench) -> None:
    """Two fields, two problems, and the unknown one besides."""
    described = integration(
        credentials=[
            {
                "kind": "basic",
                "fields": [
                    {"name": "username", "label": "User", "secret": False},
                    {"name": "password", "label": "Password"},
                ],
            }
        ],
        authorization={"kind": "basic"},
    )
    attempt = bench.create(described, credential_kind="basic", credential={"pass": PLANTED})
    assert set(await bench.problems(attempt)) == {
        "credential.pass",
        "credential.username",
        "credential.password",
    }


async def test_context_that_the_integration_needs_has_to_be_there(bench: Bench) -> None:
    """A value without a fallback is demanded, one with a fallback is not."""
    assert await bench.problems(bench.create(hosted())) == {
        "context.tenant": "The integration needs this value."
    }
    account = await bench.create(hosted(), context={"tenant": "acme"})
    assert account.context == {"tenant": "acme"}


@pytest.mark.parametrize("value", ["", "a\nb", "a" * 9000])
async def test_a_context_value_that_no_request_can_hold_is_refused(
    value: str, bench: Bench
) -> None:
    """Empty, over-long and unprintable values are told by name."""
    found = await bench.problems(bench.create(hosted(), context={"tenant": value}))
    assert set(found) == {"context.tenant"}


async def test_a_name_changes_without_touching_anything_else(bench: Bench) -> None:
    """Name alone changes name and time; the credential stays."""
    before = await bench.create()
    bench.house.clock.step(60)
    after = await bench.change({"name": "Renamed"})
    assert (after.name, after.updated_at) == ("Renamed", bench.house.clock.now)
    assert after.created_at == before.created_at
    assert await bench.plaintext() == {"token": CREDENTIAL}


async def test_a_name_changes_though_the_integration_demands_more_by_now(bench: Bench) -> None:
    """A newer version's context is asked for when the context is changed, not before."""
    await bench.create()
    assert (await bench.change({"name": "Renamed"}, hosted())).name == "Renamed"
    found = await bench.problems(bench.change({"context": {"region": "us"}}, hosted()))
    assert set(found) == {"context.tenant"}


async def test_context_is_replaced_as_a_whole(bench: Bench) -> None:
    """What is not given again is gone, and an empty one empties it."""
    await bench.create(context={"a": "1", "b": "2"})
    assert (await bench.change({"context": {"b": "3"}})).context == {"b": "3"}
    assert (await bench.change({"context": {}})).context == {}


async def test_a_credential_is_replaced_as_a_whole(bench: Bench) -> None:
    """The new one opens, the old one is nowhere, and the account is active again."""
    await bench.create()
    changed = await bench.change({"credential": {"token": "nt_thesecondtoken"}})
    assert changed.status == "active"
    assert await bench.plaintext() == {"token": "nt_thesecondtoken"}
    found = await bench.problems(bench.change({"credential": {}}))
    assert set(found) == {"credential.token"}
    with pytest.raises(InvalidInput, match="give both"):
        await bench.change({"credential_kind": "bearer"})


@pytest.mark.parametrize(
    ("overrides", "where"),
    [
        (Overrides(removed_methods=("notes.nonsense",)), "overrides.removed_methods"),
        *(
            (Overrides(headers={name: PLANTED}), f"overrides.headers.{name}")
            for name in ("Authorization", "COOKIE", "Host", "Content-Length", "bad name", "")
        ),
        (Overrides(headers={"X-Team": "a\r\nX-Evil: b"}), "overrides.headers.X-Team"),
        (Overrides(context={"tenant": "a\nb"}), "overrides.context.tenant"),
    ],
)
async def test_overrides_only_narrow(overrides: Overrides, where: str, bench: Bench) -> None:
    """No unknown method, no header that authorizes or frames, no value that cannot be sent."""
    await bench.create()
    assert where in await bench.problems(bench.change({"overrides": overrides}))


async def test_the_headers_that_carry_a_credential_cannot_be_overridden(bench: Bench) -> None:
    """Neither the authorization's own header nor one whose template holds the credential."""
    described = integration(
        authorization={"kind": "header", "name": "X-Key", "value": "{{credentials.token}}"},
        headers={"X-Also": "{{credentials.token}}", "X-Plain": "a"},
    )
    await bench.create(described)
    for name in ("x-key", "x-also"):
        overrides = Overrides(headers={name: PLANTED})
        found = await bench.problems(bench.change({"overrides": overrides}, described))
        assert found == {f"overrides.headers.{name}": "This header cannot be overridden."}
    overrides = Overrides(headers={"X-Plain": "b"})
    assert (await bench.change({"overrides": overrides}, described)).overrides == overrides


async def test_an_override_can_give_the_context_that_is_needed(bench: Bench) -> None:
    """An admin's value stands in for one that the account does not bring."""
    await bench.create()
    overrides = Overrides(context={"tenant": "acme"}, timeout_s=3.0)
    assert (await bench.change({"overrides": overrides}, hosted())).overrides == overrides


async def test_accounts_of_other_tenants_do_not_exist(bench: Bench) -> None:
    """The same id under another tenant is no such object, to read and to delete."""
    await bench.create()
    for attempt in (
        bench.accounts.get("globex", "acc_1"),
        bench.accounts.delete("globex", "acc_1", []),
    ):
        with pytest.raises(NoSuchObject):
            await attempt
    assert (await bench.accounts.page("globex", None, None, 50))[0] == []


async def test_accounts_are_listed_by_integration(bench: Bench) -> None:
    """Page by page in id order, and of one integration only where it is named."""
    for number in range(4):
        await bench.create(id=f"acc_{number}")
    first, cursor = await bench.accounts.page("acme", "notes", None, 3)
    rest, end = await bench.accounts.page("acme", "notes", cursor, 3)
    assert [account.id for account in first + rest] == ["acc_0", "acc_1", "acc_2", "acc_3"]
    assert end is None
    assert (await bench.accounts.page("acme", "crm", None, 3))[0] == []


async def test_deleting_an_account_takes_its_credential_and_its_servers(tmp_path: Path) -> None:
    """Every server is revoked, more of them than one page holds; servers beside it live on."""
    async with deployment(tmp_path) as house:
        await house.push()
        account, other = await house.account(), await house.account()
        for _ in range(53):
            await house.server(account)
        beside = await house.server(other)
        services = house.services
        (sealed,) = await services.store.get_many([credential_key("acme", account)])
        assert sealed is not None
        house.clock.step(5)
        assert await services.accounts.delete("acme", account, []) == 53
        (gone,) = await services.store.get_many([credential_key("acme", account)])
        assert gone is None
        with pytest.raises(NoSuchObject):
            await services.accounts.get("acme", account)
        entries = [entry async for entry in services.store.scan("server", "acme")]
        states = [msgspec.json.decode(entry.value) for entry in entries]
        ended = [state for state in states if state["account"] == account]
        assert {(state["status"], state["revoked_at"]) for state in ended} == {
            ("revoked", "2026-03-01T12:00:05Z")
        }
        assert len(await house.tools(beside)) == 6
        with pytest.raises(NoSuchObject):
            await services.accounts.delete("acme", account, [])


def flipped(sealed: bytes) -> bytes:
    """The sealed credential with its last bit turned."""
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


async def test_a_tampered_credential_is_a_clear_error_not_a_wrong_secret(bench: Bench) -> None:
    """Changed bytes, another account's bytes and no bytes: each refused, each by its own error."""
    account = await bench.create()
    await bench.create(id="acc_2", credential={"token": "nt_theothertoken"})
    store = bench.house.services.store
    mine, other = credential_key("acme", "acc_1"), credential_key("acme", "acc_2")
    (entry, foreign) = await store.get_many([mine, other])
    assert entry is not None
    assert foreign is not None
    for value in (flipped(entry.value), foreign.value, b"short", b"\x09" + entry.value[1:]):
        await store.write([Put(mine, value)])
        with pytest.raises(StoreUnavailable, match="cannot be opened") as caught:
            await bench.accounts.credential_of(account)
        assert caught.value.__cause__ is None
    await store.write([Delete(mine)])
    with pytest.raises(ReauthorizationRequired):
        await bench.accounts.credential_of(account)


async def test_a_credential_whose_key_is_destroyed_cannot_be_read(bench: Bench) -> None:
    """Once the tenant's keys are gone nobody opens what was sealed under them."""
    account = await bench.create()
    await bench.house.services.keys.destroy_tenant_keys("acme")
    with pytest.raises(StoreUnavailable):
        await bench.accounts.credential_of(account)


async def test_no_repr_and_no_log_holds_a_credential(bench: Bench) -> None:
    """Drafts, secrets, records and errors hide it, and nothing is logged of it."""
    with capture_logs() as logs:
        account = await bench.create()
        secret = await bench.accounts.credential_of(account)
        with pytest.raises(McpassportError) as caught:
            await bench.change({"credential": {"token": PLANTED}})
    shown = [repr(draft()), str(draft()), repr(secret), str(secret), f"{secret}", repr(account)]
    assert isinstance(secret, Secret)
    for text in (*shown, str(logs), repr(caught.value), str(caught.value.problems)):
        assert CREDENTIAL not in text
        assert PLANTED not in text
    with pytest.raises(TypeError):
        pickle.dumps(secret)


async def test_the_extra_operations_join_the_same_transaction(bench: Bench) -> None:
    """What is refused leaves nothing behind, what succeeds writes everything."""
    key = Key("mark", "acme", "1")
    mark = Put(key, b"1")
    tenant = await bench.house.services.tenants.get("acme")
    store = bench.house.services.store
    bad = draft(credential={"token": PLANTED})
    with pytest.raises(InvalidInput):
        await bench.accounts.create(tenant, integration(), bad, [mark])
    assert await store.get_many([key]) == [None]
    await bench.accounts.create(tenant, integration(), draft(), [mark])
    assert (await store.get_many([key]))[0] is not None
    assert credential_key("acme", "acc_1").kind == CREDENTIAL_KIND
