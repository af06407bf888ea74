"""The lab, as checks use it: it answers for the upstream API and tells what came in."""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from mcpassport.errors import InternalError
from mcpassport.evidence.finding import CheckFailed
from mcpassport.http import HttpClient
from mcpassport.records.calls import OutboundRequest

OK: Final = 200
LOOKS: Final = 1_000
LOOK_S: Final = 0.02
JSON: Final = ("Content-Type", "application/json")


class Seen(msgspec.Struct, frozen=True):
    """A request that reached the lab."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, or nothing."""
        return next((text for key, text in self.headers if key.lower() == name.lower()), "")


class Says(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of the lab, to whatever comes in below that path."""

    path: str = "/*"
    status: int = OK
    headers: tuple[tuple[str, str], ...] = (JSON,)
    body: bytes = b'{"id":"r1"}'
    fault: Mapping[str, Any] = msgspec.field(default_factory=lambda: {"kind": "plain"})

    def rule(self) -> dict[str, Any]:
        """The same as the lab's control interface takes it."""
        return {
            "path": self.path,
            "status": self.status,
            "headers": self.headers,
            "body": base64.b64encode(self.body).decode(),
            "fault": self.fault,
        }


class _Record(msgspec.Struct):
    number: int
    request: Seen
    ended: str


class _Requests(msgspec.Struct):
    requests: list[_Record]


class Lab:
    """The control interface of the running lab."""

    def __init__(self, http: HttpClient, address: str) -> None:
        self._http = http
        self.origin = f"http://{address}"

    async def answer(self, *answers: Says) -> None:
        """Answer so, in place of what was set before, and begin to count anew."""
        rules = [each.rule() for each in answers or (Says(),)]
        await self._control("PUT", "answers", msgspec.json.encode({"answers": rules}))
        await self._control("DELETE", "requests")

    async def seen(self) -> list[Seen]:
        """What came in since the last `answer`, oldest first."""
        return [each.request for each in await self._records()]

    async def arrival(self, count: int = 1) -> list[Seen]:
        """The same, once so many have come in."""
        for _ in range(LOOKS):
            found = await self.seen()
            if len(found) >= count:
                return found
            await asyncio.sleep(LOOK_S)
        raise CheckFailed(f"the lab saw fewer than {count} requests")

    async def endings(self) -> list[str]:
        """How each exchange stands: `open`, `answered`, `closed`, `client_closed`."""
        return [each.ended for each in await self._records()]

    async def reach(self, path: str) -> int:
        """One request beside the product; its number, counted from the lab's first."""
        await self._http.send(OutboundRequest(method="GET", url=self.origin + path))
        return (await self._records())[-1].number

    async def _records(self) -> list[_Record]:
        body = await self._control("GET", "requests")
        return msgspec.json.decode(body, type=_Requests).requests

    async def _control(self, method: str, route: str, body: bytes | None = None) -> bytes:
        request = OutboundRequest(method=method, url=f"{self.origin}/_lab/{route}", body=body)
        answer = await self._http.send(request)
        if answer.status != OK:
            raise InternalError(f"The lab refused {method} {route}.")
        return answer.body
