"""Places that several owners share, so that no owner can keep the others out.

1. An owner takes a place only while it holds fewer than three times the places that are free. One
   owner alone thus takes at most three quarters, and however many fill the rest, some stay free for
   whoever comes next (dynamic thresholds: Choudhury and Hahne, 1998).
2. A place that comes free goes to the waiting owner that holds fewest; of equals, to the one whose
   turn is longest ago. Within an owner, first come, first served.
"""

import asyncio
from collections import deque
from typing import Final

SHARE: Final = 3


class Turns:
    """At most `places` at once; a later change of `places` holds from the next turn on."""

    def __init__(self, places: int, *, shared: bool = True) -> None:
        self.places = places
        self._shared = shared
        self._taken = 0
        self._held: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def idle(self) -> bool:
        """Whether nobody holds or awaits a place."""
        return not self._taken and not self._waiting

    def held(self, owner: str) -> int:
        """How many places the owner holds."""
        return self._held.get(owner, 0)

    def free_for(self, owner: str) -> bool:
        """Whether the owner may take a place now (1)."""
        free = self.places - self._taken
        return free > 0 and (not self._shared or self.held(owner) < SHARE * free)

    def take(self, owner: str) -> None:
        """Take a place that is free for the owner."""
        self._taken += 1
        self._held[owner] = self.held(owner) + 1

    async def wait(self, owner: str) -> None:
        """Take a place, waiting as long as it takes; bound it with a timeout."""
        if self.free_for(owner):
            self.take(owner)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(owner)  # our turn came as we gave up: pass it on
            else:
                self._forget(owner, turn)
            raise

    def give_back(self, owner: str) -> None:
        """Give a place back, to whoever is next (2)."""
        self._taken -= 1
        left = self._held[owner] - 1
        if left:
            self._held[owner] = left
        else:
            del self._held[owner]
        while self._waiting and self._grant():
            pass

    def _grant(self) -> bool:
        """Give a free place to the owner that is next; False if there is none for any."""
        able = [owner for owner in self._waiting if self.free_for(owner)]
        if not able:
            return False
        owner = min(able, key=self.held)  # of equals the first, whose turn is longest ago
        queue = self._waiting.pop(owner)
        turn = queue.popleft()
        if queue:
            self._waiting[owner] = queue  # behind the others
        if not turn.done():
            self.take(owner)
            turn.set_result(None)
        return True

    def _forget(self, owner: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(owner)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[owner]


class TurnsBy:
    """Turns per key, made when needed and forgotten when idle."""

    def __init__(self, *, shared: bool = True) -> None:
        self._shared = shared
        self._turns: dict[str, Turns] = {}

    def of(self, key: str, places: int) -> Turns:
        """The turns of that key, with so many places from now on."""
        turns = self._turns.get(key)
        if turns is None:
            turns = self._turns[key] = Turns(places, shared=self._shared)
        turns.places = places
        return turns

    def done_with(self, key: str) -> None:
        """Forget the turns of that key if nobody uses them."""
        turns = self._turns.get(key)
        if turns is not None and turns.idle:
            del self._turns[key]

    def __len__(self) -> int:
        """How many keys are in use."""
        return len(self._turns)
