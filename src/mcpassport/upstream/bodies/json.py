"""JSON (RFC 8259): the value as it is, integers exact."""

from typing import Any

import msgspec

from mcpassport.upstream.bodies.encoded import Encoded, Members, refused


class Json:
    """`application/json`, unless the integration's headers say otherwise."""

    def encode(self, value: Any, _members: Members) -> Encoded:
        """The bytes of that value."""
        try:
            return Encoded(msgspec.json.encode(value), "application/json")
        except UnicodeEncodeError:
            raise refused("", "holds a character that cannot be sent", "Leave it out.") from None
