"""`python -m mcpassport.lab`: serve, say where in one JSON line, stop on SIGTERM or SIGINT."""

import argparse
import asyncio
import json
import signal
import sys

from mcpassport.lab.server import Lab


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m mcpassport.lab", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one")
    parser.add_argument(
        "--with-stdin", action="store_true", help="stop too when standard input ends"
    )
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await Lab().start(arguments.host, arguments.port)
    host, port = server.sockets[0].getsockname()[:2]
    sys.stdout.write(json.dumps({"host": host, "port": port}) + "\n")
    sys.stdout.flush()
    if arguments.with_stdin:
        # A parent that dies, however it dies, closes the pipe: no lab outlives its test.
        loop.add_reader(sys.stdin, stopped.set)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
