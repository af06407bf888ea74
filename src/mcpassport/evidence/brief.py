"""A server that ends soon, by the sandbox's clock."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from mcpassport.evidence.bench import Bench, Grant

TTL_S: Final = 65
"""How long it lives: a little more than the least that an expiry may be ahead."""


async def brief_server(bench: Bench, beside: Grant) -> Grant:
    """A server on the same account that lives for a little over a minute of the sandbox's clock."""
    path = f"/integrated-account/{beside.account}/mcp"
    shown = await bench.manage("GET", f"{path}/{beside.server}")
    made = datetime.fromisoformat(json.loads(shown.body)["created_at"])
    moment = (made + timedelta(seconds=TTL_S)).astimezone(UTC)
    body = {"name": "brief", "expires_at": moment.isoformat()}
    server = await bench.create(path, body)
    return Grant(beside.tenant, beside.account, server["id"], server["token"], beside.credential)
