"""Idempotency keys: repeating a POST with the same key makes nothing twice.

1. The object's id is derived from the key under the token key, so two concurrent repeats collide.
2. A record of the request's digest is written in the object's transaction, so another body under
   the same key is refused.
3. A replay returns the object as it is now, without token and url.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Header
from pydantic import BaseModel

from mcpassport.edge.api.principal import Acting
from mcpassport.errors import Conflict
from mcpassport.gate.tokens import token_hash
from mcpassport.store.protocol import Key, Op, Put
from mcpassport.store.repositories import IDEMPOTENCY_KIND

KEEP = timedelta(hours=24)
ID_BYTES = 20

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="repeating a request with the same key makes nothing twice, for 24 hours",
    ),
]


@dataclass(frozen=True, slots=True)
class Once:
    """One POST: the id its object gets, what to write along, and whether it is a replay."""

    id: str
    ops: tuple[Op, ...]
    replay: bool


async def once(acting: Acting, prefix: str, tenant: str, key: str | None, body: BaseModel) -> Once:
    """Decide what this POST is; `Conflict` if the key was used with another body."""
    services = acting.services
    if key is None:
        return Once(prefix + services.random(ID_BYTES).hex(), (), replay=False)
    token_key = await services.keys.token_key()
    scope = f"idempotency\n{acting.principal.id}\n{prefix}\n{tenant}\n{key}"
    object_id = prefix + token_hash(token_key, scope)[: 2 * ID_BYTES]  # 1
    digest = token_hash(token_key, body.model_dump_json()).encode()
    record = Key(IDEMPOTENCY_KIND, tenant, object_id)
    (seen,) = await services.store.get_many([record])
    if seen is not None:
        if seen.value != digest:  # 2
            raise Conflict("This Idempotency-Key was used with another body.")
        return Once(object_id, (), replay=True)  # 3
    expires = int((services.clock() + KEEP).timestamp())
    return Once(object_id, (Put(record, digest, {"expires_at": expires}),), replay=False)
