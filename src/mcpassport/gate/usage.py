"""When an API token was last used, to the hour: a write for each use would cost too much."""

from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from mcpassport.errors import StoreUnavailable
from mcpassport.records.grants import ApiToken
from mcpassport.store.protocol import EtagConflict, Store
from mcpassport.store.repositories import API_TOKENS

STEP: Final = timedelta(hours=1)


async def note_use(store: Store, token: ApiToken, etag: str, now: datetime) -> None:
    """Remember the use of a token as it was read, if the last one is an hour ago or more.

    Whoever writes the token at the same moment goes first; the next use is noted then.
    """
    if token.last_used_at is not None and now - token.last_used_at < STEP:
        return
    used = replace(token, last_used_at=now)
    try:
        await store.write([API_TOKENS.put(used)], {API_TOKENS.key_of(token): etag})
    except (EtagConflict, StoreUnavailable):  # a use that cannot be noted hinders nobody
        return
