"""Whether this process is about to end, and the requests that it still answers."""

import asyncio
from typing import Any


class Draining:
    """The state of one process; `begin` cannot be taken back."""

    def __init__(self) -> None:
        self.begun = False
        self._under_way: set[asyncio.Task[Any]] = set()

    def begin(self) -> None:
        """From now on each answer is the last of its connection, and the process is not ready."""
        self.begun = True

    def entered(self, task: asyncio.Task[Any]) -> None:
        """That task answers a request, until it is done."""
        self._under_way.add(task)

    def left(self, task: asyncio.Task[Any]) -> None:
        """Its request is answered."""
        self._under_way.discard(task)

    @property
    def under_way(self) -> int:
        """How many requests are being answered."""
        return len(self._under_way)

    def cancel(self) -> int:
        """Cancel what is still under way, each of which records that; how many there were."""
        tasks = tuple(self._under_way)
        for task in tasks:
            task.cancel()
        return len(tasks)
