"""Which part of the edge answers an address."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Application:
    """Routes by path: `/mcp/…` to the endpoint, `/reference…` and `/connect/…` to the pages.

    The rest is managed.
    """

    def __init__(
        self, mcp: ASGIApp, reference: ASGIApp, connect: ASGIApp, management: ASGIApp
    ) -> None:
        self._mcp = mcp
        self._reference = reference
        self._connect = connect
        self._management = management

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one HTTP request on."""
        path: str = scope["path"]
        if path.startswith("/mcp/"):
            await self._mcp(scope, receive, send)
        elif path == "/reference" or path.startswith("/reference/"):
            await self._reference(scope, receive, send)
        elif path.startswith("/connect/"):
            await self._connect(scope, receive, send)
        else:
            await self._management(scope, receive, send)
