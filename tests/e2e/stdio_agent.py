"""The demo's agent over stdio: the official SDK starts a command and talks to it.

Run by the SDK's own Python with the folder of `agent.py` as argument and, on standard input, what
`agent.py` takes, with `{command, environment, errors}` in place of `url` and `headers`.
"""

import asyncio
import contextlib
import json
import logging
import sys
from pathlib import Path
from typing import IO, Any

import mcp
from mcp.client.stdio import StdioServerParameters, stdio_client

sys.path.insert(0, sys.argv[1])
import agent  # type: ignore[import-not-found]  # found by the line above


def open_log(path: str) -> IO[str]:
    """Where the command's standard error goes."""
    return Path(path).open("w")


@contextlib.asynccontextmanager
async def session(started: dict[str, Any], _headers: dict[str, str], mode: str | None) -> Any:
    """An open session of whichever generation is installed, over the command's pipes."""
    command, *arguments = started["command"]
    parameters = StdioServerParameters(command=command, args=arguments, env=started["environment"])
    with open_log(started["errors"]) as errors:
        if hasattr(mcp, "Client"):
            transport = stdio_client(parameters, errlog=errors)
            async with mcp.Client(transport, mode=mode or "auto") as client:
                yield agent.Sdk(client)
            return
        async with (
            stdio_client(parameters, errlog=errors) as (read, write),
            mcp.ClientSession(read, write) as client,
        ):
            await client.initialize()
            yield agent.Sdk(client)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    json.dump(asyncio.run(agent.main(session)), sys.stdout)
