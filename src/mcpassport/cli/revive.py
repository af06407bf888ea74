"""What a restored backup needs before it serves: its revocations again, or every grant ended."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

from mcpassport.app import os_principal
from mcpassport.edge.api.services import Services
from mcpassport.edge.replay import replay, told
from mcpassport.errors import UsageError
from mcpassport.gate.api_tokens import TokenDraft
from mcpassport.records.grants import ApiToken
from mcpassport.store.protocol import ALL, PLATFORM, Delete, Key
from mcpassport.store.repositories import API_TOKENS, SERVERS
from mcpassport.store.revocations import (
    LOG_KIND,
    Known,
    Revocation,
    missing_logs,
    read_log,
    revocations_of,
)
from mcpassport.store.unready import Mark, unmark

_PAGE: Final = 200


async def replay_logs(
    services: Services, mark: Mark, files: Sequence[Path], without: Sequence[str]
) -> dict[str, Any]:
    """Do every revocation of those logs and of this machine's own again; what was done.

    1. Every log that the deployment had at the backup must be among them, and go beyond it.
    2. The lines are taken into this machine's own log, so that a later restore finds them here.

    Raises:
        DataFolderError: a log cannot be read.
        UsageError: one is missing, or of another deployment.
    """
    own = services.revocations
    lines = [*own.lines(), *(line for file in files for line in read_log(file))]
    missing = missing_logs(mark.logs, lines)
    unknown = set(without) - {log.id for log in mark.logs}
    if unknown:
        raise UsageError(f"The backup knew no revocation log {min(unknown)!r}.")
    lost = [log for log in missing if log.id not in without]
    if lost:  # (1)
        raise UsageError(_missing(lost))
    again = revocations_of(own.path, list(dict.fromkeys(lines)))
    count = await replay(services, again, os_principal())
    own.adopt(lines)  # (2)
    await own.remembered()
    await services.store.write([Delete(_log_key(log.id)) for log in missing])
    await unmark(services.store)
    return {"replayed": count}


def _missing(lost: Sequence[Known]) -> str:
    told = "; ".join(f"{log.host} (log {log.id})" for log in lost)
    return (
        "What was given does not continue the revocation logs that the backup knew. Missing: "
        f"{told}. Give the newest revocations.log of each machine; of one that ended before the "
        "backup, say --without LOG."
    )


async def end_all_grants(services: Services, mark: Mark) -> dict[str, Any]:
    """Suspend every MCP server and revoke every API token; what was done, and a new admin token.

    Nobody can tell a token that was revoked since the backup from one that was not, so none is
    trusted. The new token is shown once, and made last: nothing is served before.
    """
    servers = await _suspend_servers(services)
    tokens = await _revoke_tokens(services)
    await services.audit.move_outbox()
    gone = missing_logs(mark.logs, services.revocations.lines())
    await services.store.write([Delete(_log_key(log.id)) for log in gone])
    await services.revocations.remembered()
    token = await _new_admin(services)
    await unmark(services.store)
    return {"suspended_servers": servers, "revoked_tokens": tokens, "admin_token": token}


async def _suspend_servers(services: Services) -> int:
    count, cursor = 0, None
    while True:
        servers, cursor = await SERVERS.page(services.store, ALL, cursor=cursor, limit=_PAGE)
        for server in servers:
            if server.status == "active":
                event = told(services, "server.suspend", server.tenant, server.id, os_principal())
                await services.servers.suspend(server.tenant, server.id, [event])
                count += 1
        if cursor is None:
            return count


async def _revoke_tokens(services: Services) -> int:
    count = 0
    async for token in _active_tokens(services):
        event = told(services, "api_token.revoke", token.tenant, token.id, os_principal())
        await services.api_tokens.revoke(token.tenant, token.id, [event])
        line = Revocation(
            ts=services.clock(),
            kind="api_token",
            tenant=token.tenant,
            id=token.id,
            token_hash=token.token_hash,
        )
        await services.revocations.append(line)
        count += 1
    return count


async def _active_tokens(services: Services) -> AsyncIterator[ApiToken]:
    cursor = None
    while True:
        tokens, cursor = await API_TOKENS.page(services.store, ALL, cursor=cursor, limit=_PAGE)
        for token in tokens:
            if token.status == "active":
                yield token
        if cursor is None:
            return


async def _new_admin(services: Services) -> str:
    draft = TokenDraft(
        id=f"tok_{services.random(20).hex()}",
        tenant=PLATFORM,
        role="admin",
        name="made when grants were ended after a restore",
    )
    event = told(services, "api_token.create", PLATFORM, draft.id, os_principal())
    _, secret = await services.api_tokens.create(draft, os_principal(), [event])
    await services.audit.move_outbox()
    return secret


def _log_key(log: str) -> Key:
    return Key(LOG_KIND, PLATFORM, log)
