"""What a worker process of `mcpassport serve` runs."""

import gc
from contextlib import AsyncExitStack
from typing import Final

from starlette.types import Receive, Scope, Send

from mcpassport.app import Application, open_application, open_services
from mcpassport.errors import McpassportError
from mcpassport.observe.process import settle_process
from mcpassport.settings import Settings, load

GC_ALLOCATIONS: Final = 20_000
"""New objects that outlive their makers between two looks for cycles; Python's own default is 700,
which is less than what the requests in flight hold."""


class ServingApp:
    """The app of a worker process: opens everything at start-up, closes it at shutdown."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._application: Application | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve HTTP once the lifespan has started."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and self._application is not None:
            await self._application(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    enter = self._stack.enter_async_context
                    services = await enter(open_services(self._settings))
                    self._application = await enter(open_application(services))
                except Exception as error:  # noqa: BLE001  # whatever it is, this worker must not serve
                    await self._stack.aclose()
                    said = str(error) if isinstance(error, McpassportError) else "internal error"
                    await send({"type": "lifespan.startup.failed", "message": said})
                    return
                _collect_rarely()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stack.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _collect_rarely() -> None:
    """Nothing of a request is a cycle for long, and what the start made stays: look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 20, 100)


def serving_app() -> ServingApp:
    """The worker's app; settings from file and environment."""
    settle_process()
    return ServingApp(load())
