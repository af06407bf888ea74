"""Knows what is under way, and ends each connection with its answer once the process drains."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcpassport.edge.middleware.front import Front


class Drain:
    """Notes each request while it is answered; says `Connection: close` while draining."""

    def __init__(self, app: ASGIApp, front: Front) -> None:
        self._app = app
        self._draining = front.draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        draining, task = self._draining, asyncio.current_task()

        async def last(message: Message) -> None:
            # Asked when the answer starts: it may have been under way when draining began.
            if draining.begun and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        assert task is not None
        draining.entered(task)
        try:
            await self._app(scope, receive, last)
        finally:
            draining.left(task)
