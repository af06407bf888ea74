"""One text, or the bytes of one file, as the whole body."""

from typing import Any

from mcpassport.upstream.bodies.encoded import WHOLE, Encoded, File, Members, content_of, refused

_TEXT = File("", base64=False)


class Raw:
    """The media type is that of the schema, unless the integration's headers say otherwise."""

    def encode(self, value: Any, members: Members) -> Encoded:
        """The bytes of a text. `InvalidArguments` if it is none."""
        if not isinstance(value, str):
            raise refused("", "is no text", "A raw body is one text, or Base64.")
        data, _, media_type = content_of(value, members.files.get(WHOLE, _TEXT), "")
        return Encoded(data, media_type)
