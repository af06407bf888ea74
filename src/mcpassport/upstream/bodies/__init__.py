"""How a body is written: one format per file, and the table of formats."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from mcpassport.upstream.bodies.encoded import Encoded, Members
from mcpassport.upstream.bodies.form import Form
from mcpassport.upstream.bodies.json import Json
from mcpassport.upstream.bodies.multipart import Multipart
from mcpassport.upstream.bodies.raw import Raw


class BodyFormat(Protocol):
    """A way to write a body."""

    def encode(self, value: Any, members: Members, /) -> Encoded:
        """The bytes of that value. `InvalidArguments` if this format cannot say it."""
        ...


BODY_FORMATS: Final[Mapping[str, BodyFormat]] = MappingProxyType(
    {"json": Json(), "form": Form(), "multipart": Multipart(), "raw": Raw()}
)
