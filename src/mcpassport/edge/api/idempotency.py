"""Idempotency keys: repeating a POST with the same key makes nothing twice.

1. The object's id is derived from the key under a secret one, so two concurrent repeats collide.
2. A record of the request's digest (its body, and what its address is about) is written in the
   object's transaction, so another request under the same key is refused.
3. A replay returns the object as it is now, without token and url.
"""

import json
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


async def once(
    acting: Acting, prefix: str, tenant: str, key: str | None, body: BaseModel, about: str = ""
) -> Once:
    """Decide what this POST is; `Conflict` if the key was used with another request.

    `about` is the object that the address names, such as the account of a new MCP server.
    """
    services = acting.services
    if key is None:
        return Once(prefix + services.random(ID_BYTES).hex(), (), replay=False)
    secret = await services.keys.objects_key()
    scope = f"idempotency\n{acting.principal.id}\n{prefix}\n{tenant}\n{key}"
    object_id = prefix + token_hash(secret, scope)[: 2 * ID_BYTES]  # 1
    given = body.model_dump(mode="json", exclude_unset=True)  # null and absent are not the same
    digest = token_hash(secret, json.dumps([about, given], sort_keys=True)).encode()
    record = Key(IDEMPOTENCY_KIND, tenant, object_id)
    (seen,) = await services.store.get_many([record])
    if seen is not None:
        if seen.value != digest:  # 2
            raise Conflict("This Idempotency-Key was used with another request; choose a new one.")
        return Once(object_id, (), replay=True)  # 3
    expires = int((services.clock() + KEEP).timestamp())
    return Once(object_id, (Put(record, digest, {"expires_at": expires}),), replay=False)
