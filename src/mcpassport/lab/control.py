"""The interface under `/_lab/`: set answers, read what came in.

PUT    /_lab/answers    {"answers": [rule, …]} in order, in place of the former ones
GET    /_lab/requests   {"requests": [record, …]} oldest first
DELETE /_lab/requests   forget them
GET    /_lab/health     {"status": "ok"}
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from mcpassport.lab.rules import Rules, decode_answers
from mcpassport.lab.wire import Received, Rendered, render

PREFIX: Final = "/_lab/"

Ended: TypeAlias = Literal["open", "answered", "closed", "client_closed"]


class Record(Struct):
    """One request, the connection it came on, and how the exchange ended."""

    number: int
    connection: int
    request: Received
    ended: Ended = "open"


class Control:
    """Answers control requests; owns the rules and the records."""

    def __init__(self) -> None:
        self.rules = Rules()
        self.records: list[Record] = []

    def answer(self, request: Received) -> Rendered:
        """The response to a request under `/_lab/`."""
        route = _ROUTES.get((request.method, request.target.removeprefix(PREFIX)))
        if route is None:
            return _json(404, {"error": "no such control route"})
        try:
            return _json(200, route(self, request))
        except msgspec.MsgspecError as exc:
            return _json(400, {"error": str(exc)})

    def put_answers(self, request: Received) -> dict[str, Any]:
        """Replace the rules."""
        rules = decode_answers(request.body)
        self.rules.replace(rules)
        return {"answers": len(rules)}

    def get_requests(self, _request: Received) -> dict[str, Any]:
        """Every record."""
        return {"requests": self.records}

    def delete_requests(self, _request: Received) -> dict[str, Any]:
        """Forget the records."""
        forgotten, self.records = len(self.records), []
        return {"forgotten": forgotten}

    def get_health(self, _request: Received) -> dict[str, Any]:
        """Say that the lab serves."""
        return {"status": "ok"}


_ROUTES: Mapping[tuple[str, str], Callable[[Control, Received], dict[str, Any]]] = MappingProxyType(
    {
        ("PUT", "answers"): Control.put_answers,
        ("GET", "requests"): Control.get_requests,
        ("DELETE", "requests"): Control.delete_requests,
        ("GET", "health"): Control.get_health,
    }
)


def _json(status: int, value: Any) -> Rendered:
    return render(status, (("Content-Type", "application/json"),), msgspec.json.encode(value))
