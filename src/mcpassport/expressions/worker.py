"""The program of one evaluator process: `python -m mcpassport.expressions.worker <memory bytes>`.

It answers frames (`frames.py`) from stdin on stdout, and ends when stdin does, so it never outlives
its parent.
"""

import resource
import sys
from pathlib import Path
from typing import BinaryIO, Final

from mcpassport.expressions.frames import ANSWER, ERROR, READY, REQUEST, UNDEFINED, VALUE
from mcpassport.expressions.jsonata import EngineError, evaluate_here
from mcpassport.limits import EXPRESSION_APART_TIMEOUT_MS

_STATM: Final = Path("/proc/self/statm")
_RESERVED: Final = 2 * 1024**3
"""Assumed to be mapped where the system does not tell."""


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the stream ends."""
    answers.write(READY)
    answers.flush()
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        source_length, scope_length = REQUEST.unpack(head)
        source = requests.read(source_length)
        scope = requests.read(scope_length)
        status, payload = _answer(source.decode(), scope)
        answers.write(ANSWER.pack(status, len(payload)))
        answers.write(payload)
        answers.flush()


def confine(memory: int) -> None:
    """Let this process map that many bytes more than it has mapped now, and dump no core.

    The engine reserves about 1 GiB of address space when it is loaded and touches little of it.
    """
    space = _mapped() + memory
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _mapped() -> int:
    try:
        return int(_STATM.read_text().split()[0]) * resource.getpagesize()
    except OSError:  # no procfs on this system
        return _RESERVED


def _answer(source: str, scope: bytes) -> tuple[bytes, bytes]:
    try:
        result = evaluate_here(source, scope, timeout_ms=EXPRESSION_APART_TIMEOUT_MS)
    except EngineError as error:
        return ERROR, error.code.encode()
    except MemoryError:
        return ERROR, b"memory"
    return (UNDEFINED, b"") if result is None else (VALUE, result)


def main() -> None:
    """Confine the process, then serve."""
    confine(int(sys.argv[1]))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
