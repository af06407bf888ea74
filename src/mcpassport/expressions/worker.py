"""The program of one evaluator process: `python -m mcpassport.expressions.worker <memory bytes>`.

Frames on stdin and stdout, all integers big-endian: a request is two lengths (4 bytes each), the
source and the scope; an answer is one status byte, a length (4 bytes) and the payload. One ready
byte is written first. The process ends when stdin does, so it never outlives its parent.
"""

import resource
import struct
import sys
from typing import BinaryIO, Final

from mcpassport.expressions.jsonata import EngineError, evaluate_here

REQUEST: Final = struct.Struct(">II")
ANSWER: Final = struct.Struct(">cI")
READY: Final = b"R"
UNDEFINED: Final = b"U"
VALUE: Final = b"V"
ERROR: Final = b"E"


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
    """Limit this process's address space to that many bytes, and forbid core dumps."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(source: str, scope: bytes) -> tuple[bytes, bytes]:
    try:
        result = evaluate_here(source, scope)
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
