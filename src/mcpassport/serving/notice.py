"""What whoever runs the service is told: its manager (`sd_notify(3)`), and readers of the log."""

import socket
import time
from typing import Final

from mcpassport.errors import McpassportError, envelope_of
from mcpassport.settings import notify_address

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"


def tell(state: str) -> None:
    """Send that state to whoever asked to be told; nobody did: nothing happens."""
    address = notify_address()
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifying:
        try:
            notifying.connect(address.replace("@", "\0", 1) if address[0] == "@" else address)
            notifying.send(state.encode())
        except OSError:  # it has gone: nobody is left to be told
            return


def reloading() -> str:
    """The state while workers are replaced; the time says which reload it is about."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def in_one_line(error: McpassportError) -> str:
    """Every problem of an error, for a line of the log."""
    problems = "; ".join(f"{problem.where}: {problem.message}" for problem in error.problems)
    return problems or envelope_of(error).message
