"""The vault: sealed values open only where they belong, and nowhere if they were touched."""

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.stores import SteppingClock

from mcpassport.errors import StoreUnavailable
from mcpassport.records.masked import KeyMaterial, Secret
from mcpassport.store.keys import Keys, open_keys
from mcpassport.store.sqlite_keys import SqliteKeys
from mcpassport.store.vault import Tampered, Vault, credential_associated

PLACE = credential_associated("a", "account")


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[Keys]:
    keys = await open_keys(
        SqliteKeys(tmp_path / "keys.db"),
        KeyMaterial(bytes(32)),
        clock=SteppingClock(),
        random=os.urandom,
    )
    for tenant in "aab":
        await keys.create_tenant_key(tenant)
    yield keys
    await keys.close()


@pytest.fixture
def vault(keys: Keys) -> Vault:
    return Vault(keys, os.urandom)


def plain(secret: Secret) -> bytes:
    return secret._value


@pytest.mark.parametrize("plaintext", [b"", b"{}", b"\x00\xff" * 9, b"x" * 100_000])
@pytest.mark.parametrize("version", [1, 2])
async def test_what_was_sealed_opens_in_its_place(
    vault: Vault, version: int, plaintext: bytes
) -> None:
    """A value comes back as a masked secret, under any version of the tenant's key."""
    sealed = await vault.seal("a", version, PLACE, plaintext)
    secret = await vault.unseal("a", PLACE, sealed)
    assert isinstance(secret, Secret)
    assert plain(secret) == plaintext


async def test_sealing_hides_the_value_and_never_repeats(vault: Vault) -> None:
    """The sealed form shows nothing of the plaintext, and two of the same differ."""
    one = await vault.seal("a", 1, PLACE, b"planted secret")
    other = await vault.seal("a", 1, PLACE, b"planted secret")
    assert b"planted" not in one
    assert one != other


@pytest.mark.parametrize(
    "associated",
    [
        credential_associated("a", "other"),
        credential_associated("b", "account"),
        credential_associated('a", "account', ""),
        b"",
        PLACE + b" ",
    ],
)
async def test_a_value_does_not_open_elsewhere(vault: Vault, associated: bytes) -> None:
    """Moved to another account, tenant or kind, a sealed value does not verify."""
    sealed = await vault.seal("a", 1, PLACE, b"secret")
    with pytest.raises(Tampered):
        await vault.unseal("a", associated, sealed)


async def test_a_value_does_not_open_under_another_tenants_key(vault: Vault) -> None:
    """The same place under another tenant's key of the same version does not verify."""
    sealed = await vault.seal("a", 1, PLACE, b"secret")
    with pytest.raises(Tampered):
        await vault.unseal("b", PLACE, sealed)


async def test_a_single_changed_bit_is_found(vault: Vault) -> None:
    """No byte of a sealed value can change: not the header, the nonce, the text or the tag."""
    sealed = await vault.seal("a", 1, PLACE, b"secret")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        # A version that never was has no key: that is unavailable, not tampered with.
        with pytest.raises((Tampered, StoreUnavailable)):
            await vault.unseal("a", PLACE, bytes(changed))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(
    junk=st.one_of(
        st.binary(max_size=60), st.binary(max_size=60).map(lambda b: b"\x01\0\0\0\x01" + b)
    )
)
async def test_junk_does_not_open(vault: Vault, junk: bytes) -> None:
    """Whatever bytes are in the store, they are refused as tampered with or without a key."""
    with pytest.raises((Tampered, StoreUnavailable)):
        await vault.unseal("a", PLACE, junk)


async def test_without_the_key_nothing_is_sealed_or_opened(vault: Vault, keys: Keys) -> None:
    """Once the tenant's keys are destroyed, what was sealed under them stays closed."""
    sealed = await vault.seal("a", 1, PLACE, b"secret")
    await keys.destroy_tenant_keys("a")
    with pytest.raises(StoreUnavailable):
        await vault.unseal("a", PLACE, sealed)
    with pytest.raises(StoreUnavailable):
        await vault.seal("a", 1, PLACE, b"secret")
    with pytest.raises(StoreUnavailable):
        await vault.seal("never", 1, PLACE, b"secret")


@pytest.mark.parametrize("text", [b"", b"cursor", b"\x00" * 300])
async def test_sealed_text_travels_in_a_url(vault: Vault, text: bytes) -> None:
    """The text form is URL-safe without padding, and opens to the same bytes."""
    sealed = await vault.seal_text("a", 2, b"cursor", text)
    assert sealed.isascii()
    assert not set(sealed) & set("+/= %?&#")
    assert await vault.unseal_text("a", b"cursor", sealed) == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(text=st.text(max_size=80))
async def test_text_of_a_clients_own_making_is_tampered(vault: Vault, text: str) -> None:
    """A made-up cursor is the client's fault, whatever it is made of."""
    with pytest.raises(Tampered):
        await vault.unseal_text("a", b"cursor", text)


async def test_sealed_text_opens_only_for_its_purpose(vault: Vault, keys: Keys) -> None:
    """Other associated data, another tenant, a cut, a changed version or a lost key: tampered."""
    sealed = await vault.seal_text("a", 1, b"cursor", b"text")
    for tenant, associated, changed in (
        ("a", b"other", sealed),
        ("b", b"cursor", sealed),
        ("a", b"cursor", sealed[:-4]),
        ("a", b"cursor", sealed + "AAAA"),
        ("a", b"cursor", sealed[:4] + "AAI" + sealed[7:]),
        ("a", b"cursor", f" {sealed}"),
    ):
        with pytest.raises(Tampered):
            await vault.unseal_text(tenant, associated, changed)
    await keys.destroy_tenant_keys("a")
    with pytest.raises(Tampered):
        await vault.unseal_text("a", b"cursor", sealed)


async def test_records_and_text_are_never_taken_for_each_other(vault: Vault) -> None:
    """A value that was handed out does not open as a stored record, nor the other way round."""
    text = await vault.seal_text("a", 1, PLACE, b"x")
    record = await vault.seal("a", 1, PLACE, b"x")
    with pytest.raises(Tampered):
        await vault.unseal("a", PLACE, base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    with pytest.raises(Tampered):
        await vault.unseal_text("a", PLACE, base64.urlsafe_b64encode(record).decode().rstrip("="))


async def test_keys_that_cannot_be_read_are_not_the_clients_fault(vault: Vault, keys: Keys) -> None:
    """A cursor met by a closed key file is unavailable, so the client may try again."""
    sealed = await vault.seal_text("a", 1, b"cursor", b"text")
    await keys.close()
    with pytest.raises(StoreUnavailable):
        await vault.unseal_text("a", b"cursor", sealed)
