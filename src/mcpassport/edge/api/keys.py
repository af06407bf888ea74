"""`/key`: the rotation of keys, all of it while everything goes on. Admins turn; auditors read.

Data keys are rotated tenant by tenant: `POST /tenant/{id}/rotate-key`.
"""

from datetime import datetime
from typing import Final, Literal

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel

from mcpassport.edge.api.outgoing import PageOf, TenantOut
from mcpassport.edge.api.principal import Admin, Cursor, PlatformReader
from mcpassport.edge.api.strict import StrictRoute
from mcpassport.errors import InvalidInput
from mcpassport.gate.exchange import Left, TokenKeyState
from mcpassport.store.keystore import KeyName
from mcpassport.store.listing import cursor_of, position_of

PAGE: Final = 200
"""Keys wrapped anew in one request."""
router = APIRouter(prefix="/key", tags=["key"], route_class=StrictRoute)
rotation = APIRouter(prefix="/tenant", tags=["tenant"], route_class=StrictRoute)


class TokenKeyOut(BaseModel):
    """Which token key is in use, and which is to come or on its way out."""

    version: int
    next_version: int | None
    active_from: datetime | None
    previous_versions: list[int]

    @classmethod
    def of(cls, state: TokenKeyState) -> "TokenKeyOut":
        """From the state."""
        return cls(**msgspec.structs.asdict(state))


class KeysOut(BaseModel):
    """The deployment's keys; never a key itself."""

    token_key: TokenKeyOut
    previous_master_key: bool
    """Whether this process also opens what the master key before wrapped."""


class RewrappedOut(BaseModel):
    """A page of keys: how many were wrapped anew, and where the next page begins."""

    rewrapped: int
    next_cursor: str | None


class ResealedOut(BaseModel):
    """How many secrets were sealed anew."""

    resealed: int


class LeftOut(BaseModel):
    """A token that is stored under a token key before the present one."""

    kind: Literal["server", "api_token"]
    tenant: str
    id: str
    name: str

    @classmethod
    def of(cls, left: Left) -> "LeftOut":
        """From what was found."""
        return cls(**msgspec.structs.asdict(left))


class RekeyedOut(BaseModel):
    """What the rotation of one tenant's data key did."""

    tenant: TenantOut
    resealed: int
    unreadable: int


@router.get("")
async def state(acting: PlatformReader) -> KeysOut:
    """Read which keys are in use."""
    settings = acting.services.settings
    previous = settings.previous_master_key or settings.previous_master_key_file
    found = TokenKeyOut.of(await acting.services.token_key.state())
    return KeysOut(token_key=found, previous_master_key=previous is not None)


@router.post("/rewrap")
async def rewrap(acting: Admin, cursor: Cursor = None) -> RewrappedOut:
    """Wrap a page of keys under the present master key, where the one before wrapped them."""
    after = None if cursor is None else _name(cursor)
    count, following = await acting.services.keys.rewrap(after, PAGE)
    if count:
        event = acting.event("key.rewrap", f"{count} keys")
        await acting.services.store.write([event])
        await acting.recorded()
    return RewrappedOut(
        rewrapped=count,
        next_cursor=None if following is None else cursor_of([*map(str, following)]),
    )


@router.post("/platform/rotate")
async def rotate_platform_key(acting: Admin) -> ResealedOut:
    """Seal the OAuth apps of the vendor anew under another data key."""
    count = await acting.services.rekeying.rotate_platform([acting.event("key.rotate", "platform")])
    await acting.recorded()
    return ResealedOut(resealed=count)


@router.post("/token-key/rotate")
async def rotate_token_key(acting: Admin) -> TokenKeyOut:
    """Make the next token key; it is used from `active_from` on. Again: nothing is made twice."""
    found = await acting.services.token_key.begin([acting.event("token_key.rotate", "token-key")])
    await acting.recorded()
    return TokenKeyOut.of(found)


@router.get("/token-key/left")
async def left(acting: PlatformReader, cursor: Cursor = None) -> PageOf[LeftOut]:
    """List living tokens that no one presented since the token key was exchanged.

    A page covers a part of all tokens, so it may be empty and not the last.
    """
    found, following = await acting.services.token_key.left(cursor)
    return PageOf(result=[LeftOut.of(each) for each in found], next_cursor=following)


@router.post("/token-key/finish")
async def finish(acting: Admin) -> TokenKeyOut:
    """Destroy the token key before: tokens that are still stored under it open nothing any more."""
    found = await acting.services.token_key.finish([acting.event("token_key.finish", "token-key")])
    await acting.recorded()
    return TokenKeyOut.of(found)


@rotation.post("/{tenant_id}/rotate-key")
async def rotate_data_key(tenant_id: str, acting: Admin) -> RekeyedOut:
    """Give a tenant another data key, and seal its credentials anew under it."""
    event = acting.event("tenant.rotate_key", tenant_id, tenant_id)
    done = await acting.services.rekeying.rotate(tenant_id, [event])
    await acting.recorded()
    return RekeyedOut(
        tenant=TenantOut.of(done.tenant), resealed=done.resealed, unreadable=done.unreadable
    )


def _name(cursor: str) -> KeyName:
    kind, tenant, version = position_of(cursor, 3)
    if not version.isdecimal():
        raise InvalidInput("The cursor is not valid: send back the `next_cursor` you received.")
    return KeyName(kind, tenant, int(version))
