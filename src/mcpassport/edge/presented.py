"""What a request brings to prove itself, by address and headers."""

from collections.abc import Mapping
from typing import Final

from mcpassport.edge.certificates import NOTHING_SHOWN
from mcpassport.gate.presented import Presented, bearer_of
from mcpassport.limits import HEADER_API_TOKEN, HEADER_IDENTITY_TOKEN
from mcpassport.records.certificate import Shown

PREFIX: Final = "/mcp/"
SERVER_PREFIX: Final = "/mcp/s/"


def presented_by(
    path: str, headers: Mapping[str, str], certificate: Shown = NOTHING_SHOWN
) -> Presented | None:
    """The token or server id of the address with the headers that go with it; None for others."""
    token: str | None = None
    server_id: str | None = None
    if path.startswith(SERVER_PREFIX):
        tail = server_id = path[len(SERVER_PREFIX) :]
    elif path.startswith(PREFIX):
        tail = token = path[len(PREFIX) :]
    else:
        return None
    if not tail or "/" in tail:
        return None
    return Presented(
        path_token=token,
        server_id=server_id,
        authorization=headers.get("authorization"),
        api_token=headers.get(HEADER_API_TOKEN),
        identity_token=headers.get(HEADER_IDENTITY_TOKEN),
        certificate=certificate,
    )


def secret_of(presented: Presented) -> str:
    """The server's secret as presented: in the path, or as Bearer."""
    return presented.path_token or bearer_of(presented.authorization) or ""
