"""What a program that serves does with its stores, over and over."""

import asyncio
from pathlib import Path

from tests.support.stores import Backend, SteppingClock

from mcpassport.audit.chain import link
from mcpassport.store.keystore import KeyName
from mcpassport.store.protocol import Append, Delete, Key, Pending, Put


class Load:
    """Changes with their events, calls with their rows, and keys; the first failure ends it."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.store = backend.open_store(folder, SteppingClock())
        self.audit = backend.open_audit(folder)
        self.keys = backend.open_keystore(folder)
        self.done = {"change": 0, "record": 0, "key": 0}
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin all three."""
        self._tasks = [asyncio.create_task(self._repeat(name)) for name in self.done]

    async def more(self, rounds: int) -> None:
        """Wait until each was done so often again; fails when one has ended."""
        before = dict(self.done)
        while any(self.done[name] < before[name] + rounds for name in before):
            ended, _ = await asyncio.wait(self._tasks, timeout=0.02)
            for task in ended:
                task.result()

    async def stop(self) -> None:
        """End all three, and close."""
        self._stop.set()
        await asyncio.gather(*self._tasks)
        for part in (self.store, self.audit, self.keys):
            await part.close()

    async def _repeat(self, name: str) -> None:
        work = {"change": self._change, "record": self._record, "key": self._key}[name]
        while not self._stop.is_set():
            await work(self.done[name])
            self.done[name] += 1
            await asyncio.sleep(0)

    async def _change(self, number: int) -> None:
        key = Key("thing", "t", str(number))
        etags = await self.store.write([Put(key, b"1"), Append(f"e{number}", "t", b"")])
        await self.store.write([Put(key, b"2")], etags)
        await self.store.outbox_done([f"e{number}"])
        await self.store.write([Delete(key)])
        await self.store.lease("job", 10)

    async def _record(self, number: int) -> None:
        request = f"r{number}"
        await self.audit.append([Pending("t", b"intent", opens=request)], link)
        await self.audit.append([Pending("t", b"outcome", closes=request)], link)

    async def _key(self, number: int) -> None:
        name = KeyName("tenant", str(number))
        await self.keys.add(name, b"wrapped")
        assert await self.keys.read(name) is not None
