"""Evaluate in the event loop's thread, or in a confined process when the input is large.

The engine holds the interpreter's lock and its limits leak inside built-ins (15 MB: about 1 s), so
inputs over 128 KiB go to a process with a memory limit. A process that does not answer within 2 s,
dies, or whose caller is cancelled is killed; the next large input starts another.
"""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Final

from mcpassport.expressions.frames import ANSWER, ERROR, READY, REQUEST, UNDEFINED
from mcpassport.expressions.jsonata import EngineError, Expression, evaluate_here, failed
from mcpassport.limits import (
    EXPRESSION_HARD_KILL_S,
    EXPRESSION_INLINE_BYTES,
    EXPRESSION_POOL_MEMORY,
)

_WORKER: Final = "mcpassport.expressions.worker"
_START_TIMEOUT_S: Final = 20.0
_WAITING_MAX: Final = 64
"""Large inputs that may wait for a process; one more is refused."""
_ANSWER_MAX: Final = 256 * 1024 * 1024


class _Gone(Exception):
    """The process ended, or spoke nonsense."""


class Evaluator:
    """Evaluates expressions. Belongs to one event loop; `close` ends its processes."""

    def __init__(self, *, processes: int = 2) -> None:
        self._slots = asyncio.Semaphore(processes)
        self._idle: list[Process] = []
        self._busy: set[Process] = set()
        self._waiting = 0
        self._closed = False

    async def evaluate(self, expression: Expression, scope: bytes) -> bytes | None:
        """Evaluate over a JSON text (UTF-8); the result is JSON text, None is undefined.

        Raises:
            ExpressionFailed: the expression failed, took too long, or too much memory.
        """
        try:
            if len(scope) <= EXPRESSION_INLINE_BYTES:
                return evaluate_here(expression.source, scope)
            return await self._evaluate_apart(expression.source, scope)
        except EngineError as error:
            raise failed(expression, error.code) from None

    async def close(self) -> None:
        """End every process; evaluations that still run fail."""
        self._closed = True
        for process in [*self._idle, *self._busy]:
            await _end(process)
        self._idle.clear()

    async def _evaluate_apart(self, source: str, scope: bytes) -> bytes | None:
        if self._closed or self._waiting >= _WAITING_MAX:
            raise EngineError("busy")
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            return await self._exchange_with_one(source, scope)
        finally:
            self._slots.release()

    async def _take(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
            await _end(process)
        return await _start()

    async def _exchange_with_one(self, source: str, scope: bytes) -> bytes | None:
        process = await self._take()
        self._busy.add(process)
        reusable = False
        try:
            async with asyncio.timeout(EXPRESSION_HARD_KILL_S):
                status, payload = await _exchange(process, source.encode(), scope)
            reusable = not self._closed
        except TimeoutError:
            raise EngineError("killed") from None
        except (_Gone, OSError):
            raise EngineError("process_ended") from None
        finally:
            self._busy.discard(process)
            if reusable:
                self._idle.append(process)
            else:
                await _end(process)
        if status == ERROR:
            raise EngineError(payload.decode("ascii", "replace"))
        return None if status == UNDEFINED else payload


async def _start() -> Process:
    # A new program, not a fork of ours: a fork would copy locks that other threads hold. It gets
    # none of our environment, which holds settings and keys; only the path to import from.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        _WORKER,
        str(EXPRESSION_POOL_MEMORY),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    ready = b""
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            ready = await _output(process).read(len(READY))
    except TimeoutError:
        raise EngineError("no_process") from None
    finally:
        if ready != READY:
            await _end(process)
    if ready != READY:
        raise EngineError("no_process")
    return process


async def _exchange(process: Process, source: bytes, scope: bytes) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    process.stdin.write(REQUEST.pack(len(source), len(scope)) + source)
    process.stdin.write(scope)
    await process.stdin.drain()
    output = _output(process)
    try:
        status, length = ANSWER.unpack(await output.readexactly(ANSWER.size))
        if length > _ANSWER_MAX:
            raise _Gone
        return status, await output.readexactly(length)
    except asyncio.IncompleteReadError:
        raise _Gone from None


def _output(process: Process) -> asyncio.StreamReader:
    assert process.stdout is not None
    return process.stdout


async def _end(process: Process) -> None:
    """Kill and reap; shielded, so that a cancelled caller leaves nothing behind."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await asyncio.shield(asyncio.ensure_future(_reap(process)))


async def _reap(process: Process) -> None:
    if process.stdin is not None:
        process.stdin.close()
    # An answer that nobody read would keep its pipe, and so the waiting, open.
    await _output(process).read()
    await process.wait()
