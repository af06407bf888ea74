"""The steps that every client of the peers takes, one session per process.

A program of this folder opens a session of its client and calls `run`. Standard input holds
`{url, headers, mode, steps}`; the steps are those of `agent.py`, and `{"op": "request", "method",
"url", "headers"}`: a plain HTTP request beside the session, for what somebody else does meanwhile.
Standard output holds `{answers, refused, version}`. The Python of the client's own environment
runs this; nothing of mcpassport is imported.
"""

import asyncio
import json
import logging
import runpy
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

STEP_S = 60
ROOT = Path(__file__).parents[3]
AGENT = runpy.run_path(str(ROOT / "src" / "mcpassport" / "cli" / "demo" / "agent.py"))
answer_of: Callable[[Any], dict[str, Any]] = AGENT["answer_of"]


async def one_step(client: Any, step: dict[str, Any]) -> dict[str, Any]:
    """One step, which is no answer at all when it takes longer than a minute."""
    if step["op"] == "request":
        return await asyncio.to_thread(_request, step)
    try:
        async with asyncio.timeout(STEP_S):
            answer: dict[str, Any] = await AGENT["run_step"](client, step)
            return answer
    except TimeoutError:
        return {"error": True, "raised": "nothing", "text": f"No answer in {STEP_S} seconds."}


def _request(step: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(step["url"], method=step["method"], headers=step["headers"])
    with urllib.request.urlopen(request) as response:
        return {"error": False, "text": str(response.status)}


def run(open_session: Callable[..., Any], version: str) -> None:
    """Take the steps and print what came of them, with the version of the client that took them."""
    logging.disable(logging.CRITICAL)
    done = asyncio.run(AGENT["main"](open_session, one_step))
    json.dump({**done, "version": version}, sys.stdout)
