"""Another data key for a tenant, while accounts are used and made."""

from datetime import timedelta
from pathlib import Path

from tests.support.deployment import CREDENTIAL, Deployment, deployment

from mcpassport.accounts.rekeying import OLD_KEYS_KEPT
from mcpassport.store.protocol import Put
from mcpassport.store.repositories import credential_key
from mcpassport.store.vault import key_version


async def versions(house: Deployment, tenant: str = "acme") -> list[int]:
    return await house.services.keys.tenant_key_versions(tenant)


async def sealed(house: Deployment, account: str) -> bytes:
    (found,) = await house.services.store.get_many([credential_key("acme", account)])
    assert found is not None
    return found.value


async def opened(house: Deployment, account: str) -> bool:
    """Whether the account's credential still opens, as the one that it brought."""
    found = await house.services.accounts.credential_of(
        await house.services.accounts.get("acme", account)
    )
    return CREDENTIAL.encode() in found.reveal()


def step(house: Deployment, time: timedelta) -> None:
    house.clock.step(time.total_seconds())


async def test_every_credential_is_sealed_anew_and_opens(tmp_path: Path) -> None:
    """Of this tenant only; what is sealed later is sealed under the new key too."""
    async with deployment(tmp_path) as house:
        await house.push()
        accounts = [await house.account() for _ in range(3)]
        other = await house.account("globex")
        done = await house.services.rekeying.rotate("acme", [])
        assert (done.tenant.key_version, done.resealed, done.unreadable) == (2, 3, 0)
        assert done.tenant.key_since == house.clock.now
        accounts.append(await house.account())
        for account in accounts:
            assert key_version(await sealed(house, account)) == 2
            assert await opened(house, account)
        assert (await house.services.tenants.get("globex")).key_version == 1
        assert await house.services.accounts.get("globex", other)


async def test_old_keys_are_destroyed_a_day_later(tmp_path: Path) -> None:
    """Until then cursors still open; a tenant that was never rotated keeps its key."""
    async with deployment(tmp_path) as house:
        await house.push()
        account = await house.account()
        cursor = await house.services.vault.seal_text("acme", 1, b"here", b"page 2")
        await house.services.rekeying.rotate("acme", [])
        step(house, OLD_KEYS_KEPT - timedelta(seconds=1))
        assert await house.services.rekeying.sweep() == 0
        assert await house.services.vault.unseal_text("acme", b"here", cursor) == b"page 2"
        step(house, timedelta(seconds=1))
        assert await house.services.rekeying.sweep() == 1
        assert (await versions(house), await versions(house, "globex")) == ([2], [1])
        assert await house.services.rekeying.sweep() == 0
        assert await opened(house, account)


async def test_what_an_interruption_left_is_sealed_anew_before_its_key_goes(
    tmp_path: Path,
) -> None:
    """A credential that a slower request wrote under the old key is found by the sweep."""
    async with deployment(tmp_path) as house:
        await house.push()
        account = await house.account()
        late = await sealed(house, account)
        await house.services.rekeying.rotate("acme", [])
        await house.services.store.write([Put(credential_key("acme", account), late)])
        step(house, OLD_KEYS_KEPT)
        assert await house.services.rekeying.sweep() == 1
        assert key_version(await sealed(house, account)) == 2
        assert await opened(house, account)


async def test_a_credential_that_does_not_open_is_told_and_its_key_is_kept(
    tmp_path: Path,
) -> None:
    """Nothing is lost that somebody may still mend."""
    async with deployment(tmp_path) as house:
        await house.push()
        account, good = await house.account(), await house.account()
        bad = bytearray(await sealed(house, account))
        bad[-1] ^= 1
        await house.services.store.write([Put(credential_key("acme", account), bytes(bad))])
        done = await house.services.rekeying.rotate("acme", [])
        assert (done.resealed, done.unreadable) == (1, 1)
        step(house, OLD_KEYS_KEPT)
        assert await house.services.rekeying.sweep() == 0
        assert await versions(house) == [1, 2]
        assert await opened(house, good)


async def test_keys_that_a_restored_copy_brought_back_are_destroyed_again(tmp_path: Path) -> None:
    """The sweep finds keys of a tenant that is offboarded, however they came."""
    async with deployment(tmp_path) as house:
        await house.services.offboarding.begin("acme", [])
        assert await versions(house) == [1], "the keys as a copy from before would bring them"
        assert await house.services.rekeying.sweep() == 1
        assert await versions(house) == []


async def test_an_app_that_does_not_open_keeps_its_key(tmp_path: Path) -> None:
    """The others are sealed anew; nothing of the vendor's is lost."""
    async with deployment(tmp_path) as house:
        apps, store = house.services.oauth_apps, house.services.store
        for name in ("good", "bad"):
            await apps.put(name, "client", "secret", [])
        at = credential_key("", "oauth-app:bad")
        (entry,) = await store.get_many([at])
        assert entry is not None
        await store.write([Put(at, entry.value[:-1] + bytes([entry.value[-1] ^ 1]))])
        assert await house.services.rekeying.rotate_platform([]) == 1
        assert await versions(house, "") == [1, 2]
        assert b"client" in (await apps.secret("good")).reveal()
        await store.write([Put(at, entry.value)])
        assert await house.services.rekeying.rotate_platform([]) == 2
        assert await versions(house, "") == [3]
        assert b"client" in (await apps.secret("bad")).reveal()
