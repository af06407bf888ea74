"""The lab, as checks use it: it answers for the upstream API and tells what came in."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mcpassport.errors import InternalError
from mcpassport.http import HttpClient
from mcpassport.records.calls import OutboundRequest

OK = 200


class Seen(msgspec.Struct, frozen=True):
    """A request that reached the lab."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, or nothing."""
        return next((text for key, text in self.headers if key.lower() == name.lower()), "")


class _Record(msgspec.Struct):
    request: Seen


class _Requests(msgspec.Struct):
    requests: list[_Record]


class Lab:
    """The control interface of the running lab."""

    def __init__(self, http: HttpClient, origin: str) -> None:
        self._http = http
        self.origin = origin

    async def set_rules(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Answer by these rules, in place of what was set before."""
        await self._control("PUT", "answers", msgspec.json.encode({"answers": rules}))

    async def answer(self, path: str, status: int = OK, **document: Any) -> None:
        """Answer every request below that path so, in place of what was set before."""
        rule = {
            "path": path,
            "status": status,
            "headers": [["Content-Type", "application/json"]],
            "body": base64.b64encode(msgspec.json.encode(document)).decode(),
        }
        await self.set_rules([rule])

    async def seen(self) -> list[Seen]:
        """What came in since the last `forget`, oldest first."""
        body = await self._control("GET", "requests")
        return [each.request for each in msgspec.json.decode(body, type=_Requests).requests]

    async def forget(self) -> None:
        """Begin to count anew."""
        await self._control("DELETE", "requests")

    async def reach(self, path: str) -> None:
        """One request beside the product: what a count must not overlook."""
        await self._http.send(OutboundRequest(method="GET", url=self.origin + path))

    async def _control(self, method: str, route: str, body: bytes | None = None) -> bytes:
        request = OutboundRequest(method=method, url=f"{self.origin}/_lab/{route}", body=body)
        answer = await self._http.send(request)
        if answer.status != OK:
            raise InternalError(f"The lab refused {method} {route}.")
        return answer.body
