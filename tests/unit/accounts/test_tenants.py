"""Tenants: made once, with a key of their own, renamed, listed."""

import asyncio
from pathlib import Path

import pytest
from tests.support.deployment import deployment

from mcpassport.errors import Conflict, NoSuchObject


async def test_a_tenant_has_a_data_key_before_it_can_be_read(tmp_path: Path) -> None:
    """The version that its record names opens, so nothing is ever sealed under a missing key."""
    async with deployment(tmp_path) as house:
        made = await house.services.tenants.create("initech", "Initech", [])
        assert made == await house.services.tenants.get("initech")
        assert (made.created_at, made.status) == (house.clock.now, "active")
        assert await house.services.keys.find_tenant_key("initech", made.key_version) is not None


async def test_an_id_is_given_once(tmp_path: Path) -> None:
    """A taken id is a conflict, also for two who ask at the same time."""
    async with deployment(tmp_path) as house:
        tenants = house.services.tenants
        with pytest.raises(Conflict, match="'acme' exists already"):
            await tenants.create("acme", "Another", [])
        both = await asyncio.gather(
            *(tenants.create("initech", name, []) for name in ("One", "Two")),
            return_exceptions=True,
        )
        assert sorted(type(result).__name__ for result in both) == ["Conflict", "Tenant"]
        winner = await tenants.get("initech")
        assert await house.services.keys.find_tenant_key("initech", winner.key_version)


async def test_a_tenant_is_renamed_and_keeps_its_key(tmp_path: Path) -> None:
    """Only the name changes; an unknown tenant is no such object."""
    async with deployment(tmp_path) as house:
        tenants = house.services.tenants
        before = await tenants.get("acme")
        after = await tenants.change("acme", {"name": "Acme Ltd"}, [])
        assert (after.name, after.key_version) == ("Acme Ltd", before.key_version)
        assert await tenants.get("acme") == after
        for asked in (tenants.get("nobody"), tenants.change("nobody", {"name": "x"}, [])):
            with pytest.raises(NoSuchObject, match="No such tenant"):
                await asked


async def test_tenants_are_listed_in_id_order(tmp_path: Path) -> None:
    """Page by page, each once."""
    async with deployment(tmp_path) as house:
        for number in range(5):
            await house.services.tenants.create(f"t{number}", "T", [])
        found: list[str] = []
        cursor = None
        while True:
            page, cursor = await house.services.tenants.page(cursor, 2)
            found += [tenant.id for tenant in page]
            if cursor is None:
                break
        assert found == ["acme", "globex", "t0", "t1", "t2", "t3", "t4"]
