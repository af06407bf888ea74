"""The routes of the management API: strict, capped, and never cached.

For every request, in this order:

1. Who is asking, and does the role open this route: before anything that a stranger sent is read.
2. Query parameters that the route does not know are refused, so a typo is no wider answer.
3. The body is JSON by its content type (415), within the cap (413), UTF-8, without duplicate keys,
   NaN, Infinity or lone surrogates, and not nested too deep.
4. Whatever breaks inside becomes an `InternalError` without its text.
5. The answer is not stored by anybody (`Cache-Control: no-store`).
"""

import json
import math
from collections.abc import Callable, Coroutine, Iterator, Sequence
from email.message import Message
from typing import Any, NoReturn

import structlog
from fastapi import Request, Response
from fastapi._compat import ModelField
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from mcpassport.edge.api.principal import Guard
from mcpassport.edge.api.services import Services
from mcpassport.errors import (
    InternalError,
    InvalidInput,
    McpassportError,
    Problem,
    RequestTooLarge,
    UnsupportedMediaType,
)
from mcpassport.limits import LIMITS
from mcpassport.protocol.jsonrpc import too_deep

MAX_BODY = LIMITS["request_body_bytes"].ceiling
NO_STORE = "no-store"
_NUMBER_MAX_CHARS = 400
_log = structlog.get_logger(__name__)


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
        if not hasattr(self, "_json"):
            services: Services = self.app.state.services
            self._json = _parsed(await self.body(), services.settings.limits.json_depth)
        return self._json


class StrictRoute(APIRoute):
    """A route that takes what its declaration says, and nothing else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the steps of the module's docstring."""
        original = super().get_route_handler()
        guards = [part.call for part in self.dependant.dependencies if isinstance(part.call, Guard)]
        known = sorted(_query_names(self.dependant.query_params))

        async def handler(request: Request) -> Response:
            strict = StrictRequest(request.scope, request.receive)
            try:
                for guard in guards:
                    await guard(strict)  # 1
                _check_query(strict, known)  # 2
                if self.body_field is not None:
                    await _check_body(strict)  # 3
                response = await original(strict)
            except (McpassportError, RequestValidationError, HTTPException):
                raise
            except Exception as error:  # noqa: BLE001  # 4: whatever it is, its text stays here
                _log.error("management_fault", kind=type(error).__name__, route=self.path)
                raise InternalError from None
            response.headers["Cache-Control"] = NO_STORE  # 5
            return response

        return handler


def _query_names(params: Sequence[ModelField]) -> Iterator[str]:
    """The names of a route's parameters; those of a query model by the model's members."""
    for param in params:
        kind = param.field_info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (item.alias or name for name, item in kind.model_fields.items())
        else:
            yield param.alias


def _check_query(request: Request, known: list[str]) -> None:
    unknown = [name for name in dict.fromkeys(request.query_params.keys()) if name not in known]
    if unknown:
        valid = f"Valid: {', '.join(known)}." if known else "This route takes none."
        raise InvalidInput(
            f"Unknown query parameter {unknown[0]!r}. {valid}",
            problems=tuple(
                Problem(f"query.{name}", "unknown_parameter", "No such parameter.", valid)
                for name in unknown
            ),
        )


async def _check_body(request: StrictRequest) -> None:
    """(3) A body that is there is JSON; one that is missing is told by the route's model."""
    if not await request.body():
        return
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    if message.get_content_type() != "application/json":
        raise UnsupportedMediaType
    await request.json()


def _parsed(body: bytes, depth: int) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidInput("The body is not UTF-8.") from None
    if too_deep(body, depth):
        raise InvalidInput(f"The body is nested deeper than {depth} levels.")
    try:
        document = json.loads(
            text,
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_whole,
            object_pairs_hook=_no_duplicates,
        )
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise InvalidInput(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except UnicodeEncodeError:
        raise InvalidInput("The body holds half of a surrogate pair.") from None
    except RecursionError:
        raise InvalidInput(f"The body is nested deeper than {depth} levels.") from None
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    return document


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"The body holds {name}, which is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("The body holds a number that is out of range.")
    return number


def _whole(text: str) -> int:
    if len(text) > _NUMBER_MAX_CHARS:
        raise ValueError("The body holds a number that is out of range.")
    return int(text)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("The body holds an object with the same key twice.")
    return found
