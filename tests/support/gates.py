"""A real store with one tenant, one account and one integration, and the gate's parts over it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from types import MappingProxyType
from typing import Any

from tests.support.stores import START, SteppingClock

from mcpassport.errors import StoreUnavailable
from mcpassport.gate.admit import Gate, Refusal
from mcpassport.gate.api_tokens import ApiTokens, TokenDraft
from mcpassport.gate.presented import Presented
from mcpassport.gate.principals import Principals
from mcpassport.gate.servers import ServerDraft, Servers
from mcpassport.gate.validity import Lifetimes
from mcpassport.records.grants import (
    Account,
    ApiToken,
    Caller,
    Principal,
    Server,
    Tenant,
)
from mcpassport.records.masked import KeyMaterial
from mcpassport.store.protocol import Entry, Key, Op, Put
from mcpassport.store.repositories import ACCOUNTS, TENANTS, credential_put
from mcpassport.store.sqlite import SqliteStore
from mcpassport.store.tokenkeys import TokenKey, TokenKeyring

ADMIN = Principal("cli:root", "admin")


def drawn() -> Any:
    """Repeatable bytes that look random."""
    numbers = count()

    def draw(size: int) -> bytes:
        return hashlib.shake_256(b"%d" % next(numbers)).digest(size)

    return draw


class FixedKeys:
    """A token key, or none at all."""

    def __init__(self) -> None:
        self.lost = False

    async def token_keys(self) -> TokenKeyring:
        if self.lost:
            raise StoreUnavailable
        return TokenKeyring(TokenKey(1, KeyMaterial(b"k" * 32)))


class CountingStore:
    """The real store behind a note of every read."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.reads: list[list[Key]] = []
        self.down = False

    async def get_many(self, keys: Sequence[Key]) -> list[Entry | None]:
        self.reads.append(list(keys))
        if self.down:
            raise StoreUnavailable
        return await self._store.get_many(keys)

    async def write(
        self, ops: Sequence[Op], expect: Mapping[Key, str] = MappingProxyType({})
    ) -> dict[Key, str]:
        return await self._store.write(ops, expect)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@dataclass
class World:
    """Everything a test of the gate needs, with shorthands that read as the test does."""

    store: Any
    clock: SteppingClock = field(default_factory=SteppingClock)
    keys: FixedKeys = field(default_factory=FixedKeys)
    random: Any = field(default_factory=drawn)
    names: Any = field(default_factory=count)

    def __post_init__(self) -> None:
        self.servers = self.servers_with(Lifetimes(default=timedelta(days=90)))
        self.api_tokens = ApiTokens(self.store, self.keys, clock=self.clock, random=self.random)
        self.principals = Principals(self.store, self.keys, self.clock)
        self.gate = Gate(self.store, self.keys, self.clock)

    def servers_with(self, lifetimes: Lifetimes) -> Servers:
        return Servers(
            self.store, self.keys, lifetimes=lifetimes, clock=self.clock, random=self.random
        )

    def account(self, tenant: str = "acme") -> Account:
        return Account(
            id=f"{tenant}-crm",
            tenant=tenant,
            integration="crm",
            name="CRM",
            created_at=START,
            updated_at=START,
            credential_kind="bearer",
        )

    async def settle(self, tenant: str) -> None:
        """A tenant with one account."""
        account = self.account(tenant)
        await self.put(
            TENANTS.put(Tenant(id=tenant, name=tenant, created_at=START)),
            ACCOUNTS.put(account),
            credential_put(tenant, account.id, b"sealed " + tenant.encode(), 1),
        )

    async def put(self, *ops: Put) -> None:
        await self.store.write(ops)

    async def server(self, tenant: str = "acme", **draft: Any) -> tuple[Server, str]:
        """A server of that tenant and its token."""
        name = f"srv_{next(self.names)}"
        return await self.servers.create(
            self.account(tenant), ServerDraft(id=name, name="agent", **draft)
        )

    async def token(self, role: Any, tenant: str = "", **draft: Any) -> tuple[ApiToken, str]:
        """An API token of that role."""
        name = f"tok_{next(self.names)}"
        return await self.api_tokens.create(
            TokenDraft(id=name, tenant=tenant, role=role, name="ours", **draft), ADMIN
        )

    async def admit(self, token: str, **presented: Any) -> Caller | Refusal:
        """Present a token in the path."""
        return await self.gate.admit(Presented(path_token=token, **presented))
