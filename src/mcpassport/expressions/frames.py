"""The frames between the pool and an evaluator process; all integers are big-endian.

A request is two lengths (4 bytes each), the source and the scope; an answer is one status byte, a
length (4 bytes) and the payload. One ready byte comes first.
"""

import struct
from typing import Final

REQUEST: Final = struct.Struct(">II")
ANSWER: Final = struct.Struct(">cI")
READY: Final = b"R"
UNDEFINED: Final = b"U"
VALUE: Final = b"V"
ERROR: Final = b"E"
