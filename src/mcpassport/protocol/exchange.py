"""What one JSON-RPC request carries through the protocol, and what comes back."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from mcpassport.audit.entry import Entry
from mcpassport.protocol.era import Route
from mcpassport.protocol.jsonrpc import Request
from mcpassport.records.calls import Outcome, Progress
from mcpassport.records.grants import Account, Caller, IntegrationHead
from mcpassport.records.masked import Secret
from mcpassport.records.tool import Catalog, Tool

Header = tuple[bytes, bytes]

JSON = b"application/json"


class Reply(NamedTuple):
    """An HTTP answer: status, extra headers (lower-case names), body; an empty body has no type."""

    status: int
    headers: tuple[Header, ...]
    body: bytes
    outcome: str = "ok"
    """`ok`, or the envelope type of the error: for metrics and logs, never sent."""


class CatalogSource(Protocol):
    """Compiled catalogs of live integrations."""

    async def catalog(self, head: IntegrationHead) -> Catalog:
        """The catalog of that version; `StoreUnavailable` when it cannot be read."""
        ...


class CredentialSource(Protocol):
    """The owner of upstream credentials."""

    async def credential(self, caller: Caller) -> Secret:
        """The account's credential, sealed; `ReauthorizationRequired`, `StoreUnavailable`."""
        ...


class UpstreamCaller(Protocol):
    """The one upstream request of a tool call."""

    async def call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        account: Account,
        credential: Secret,
        key_version: int,
        listener: Callable[[Progress], None] | None = None,
    ) -> Outcome:
        """Send it once and say what came of it; `listener` hears how far it is."""
        ...


class Channel(Protocol):
    """The way to a caller whose call is under way; nothing here waits for its reader."""

    @property
    def started(self) -> bool:
        """Whether the answer travels as an event: its HTTP status is 200 then."""
        ...

    def open(self) -> None:
        """From now on there may be news."""
        ...

    def tell(self, message: bytes) -> None:
        """Send a notification: JSON text."""
        ...

    def settle(self) -> None:
        """Nothing is told any more."""
        ...


class Exchange(Struct, frozen=True, kw_only=True):
    """One request on its way to an answer."""

    caller: Caller
    entry: Entry
    headers: Mapping[str, str]
    route: Route
    request: Request
    alone: bool = True
    """False inside a batch, where an HTTP status cannot speak for one request."""
    channel: Channel | None = None
    """None inside a batch."""

    @property
    def modern(self) -> bool:
        """Whether the modern era's rules hold."""
        return self.route.era == "modern"
