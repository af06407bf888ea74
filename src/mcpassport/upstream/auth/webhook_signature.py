"""Signatures of webhooks, as Standard Webhooks 1.0.0 has them.

webhook-id            the event's id, the same at each try
webhook-timestamp     when this try was made, seconds since 1970
webhook-signature     v1,<base64 of HMAC-SHA256 over "id.timestamp.body">
"""

import base64
import hmac
from typing import Final

from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.fields import field, read_fields

PREFIX: Final = "whsec_"
"""Before the base64 of a key, so that libraries and secret scanners know it."""


def signature(secret: Secret, event: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    key = base64.b64decode(field(read_fields(secret), "secret").removeprefix(PREFIX))
    signed = b"%b.%d.%b" % (event.encode(), timestamp, body)
    return f"v1,{base64.b64encode(hmac.digest(key, signed, 'sha256')).decode()}"
