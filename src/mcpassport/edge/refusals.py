"""Refusals before a body is parsed: the envelope without JSON-RPC members, or the identical 404."""

from typing import Final

import msgspec

from mcpassport.edge.asgi import Answer
from mcpassport.errors import McpassportError, envelope_of, meaning_of
from mcpassport.gate.oauth import Lacking, challenge

_encode = msgspec.json.Encoder().encode

NOT_FOUND: Final = Answer(404, b'{"error":{"type":"not_found"}}')
"""One answer for everything that does not exist, or must not seem to."""


def refusal(
    error: McpassportError, request_id: str | None = None, status: int | None = None
) -> Answer:
    """The refusal for that error, with the status of its table row unless another is given."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error.after_seconds is not None:
        headers = ((b"retry-after", b"%d" % error.after_seconds),)
    body = _encode({"error": envelope_of(error, request_id)})
    return Answer(status or meaning_of(type(error)).http_status, body, headers)


def challenging(answer: Answer, lacking: Lacking) -> Answer:
    """The same, with where to get an access token."""
    return answer._replace(headers=(*answer.headers, (b"www-authenticate", challenge(lacking))))
