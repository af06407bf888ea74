"""Strict JSON bodies for the management API: capped, no duplicate keys, no NaN or Infinity."""

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from mcpassport.errors import InvalidInput, RequestTooLarge
from mcpassport.limits import LIMITS

MAX_BODY = LIMITS["request_body_bytes"].ceiling


class StrictRequest(Request):
    """A request whose body is read under a cap and parsed without leniency."""

    async def body(self) -> bytes:
        """The body; `RequestTooLarge` as soon as it passes the cap."""
        if not hasattr(self, "_body"):
            chunks: list[bytes] = []
            size = 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > MAX_BODY:
                    raise RequestTooLarge
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        """The parsed body; `InvalidInput` says what is wrong without repeating it."""
        body = await self.body()
        try:
            return json.loads(
                body.decode(), parse_constant=_refuse, object_pairs_hook=_no_duplicates
            )
        except UnicodeDecodeError:
            raise InvalidInput("The body is not UTF-8.") from None
        except json.JSONDecodeError as error:
            raise InvalidInput(
                f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
            ) from None
        except RecursionError:
            raise InvalidInput("The body is nested too deep.") from None
        except ValueError as error:
            raise InvalidInput(str(error)) from None


class StrictRoute(APIRoute):
    """A route that reads its body as a `StrictRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, given a stricter request."""
        original = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await original(StrictRequest(request.scope, request.receive))

        return handler


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"The body holds {name}, which is not JSON.")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("The body holds an object with the same key twice.")
    return found
