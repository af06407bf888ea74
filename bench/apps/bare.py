"""A bare pass-through: our server and our HTTP client, and nothing between them.

It forwards each POST as one GET to the upstream and answers with the body as it came: no token, no
check, no audit. What the product's features cost is the distance to this.
"""

import os
from typing import Any, Final

from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.calls import OutboundRequest

_UPSTREAM: Final = os.environ["BENCH_UPSTREAM"]
_MOST: Final = 16_384
_HEADERS: Final = (("Accept", "application/json"),)
_SECRET: Final = (("Authorization", "Bearer bench_credential"),)


class Bare:
    """The ASGI app."""

    def __init__(self) -> None:
        self._http = HttpClient(
            limits=Limits(in_flight_process=_MOST, in_flight_host=_MOST),
            private_hosts=(_UPSTREAM,),
            user_agent="bare",
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Forward one request; its path is the upstream's."""
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body", False):
            pass
        answer = await self._http.send(
            OutboundRequest(
                method="GET",
                url=f"http://{_UPSTREAM}{scope['path']}",
                headers=_HEADERS,
                secret_headers=_SECRET,
            )
        )
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer.body)),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


app = Bare()
