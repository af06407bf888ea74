"""What each hop of a call costs: the composed app in this process, one call after the other.

    python -m bench.hops [--calls 5000]

The figure is the fastest of many, so that other programs on the machine hardly show in it; it holds
what lies within the hop. Server, socket and upstream are left out (the upstream is a constant), and
so is the commit of audit rows, which happens in another thread: `make bench` measures those.
"""

import argparse
import asyncio
import functools
import inspect
import secrets
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from unittest import mock

from bench.apps.null_audit import NullAudit
from bench.servers import LIMITS, Grant, Vendor, content, write_settings
from bench.upstream import SMALL
from starlette.types import ASGIApp
from tests.support.asgi import request

from mcpassport import app as composition
from mcpassport.app import open_application, open_services
from mcpassport.audit.entry import Entry
from mcpassport.cli.client import open_api
from mcpassport.cli.init import make_deployment
from mcpassport.edge import mcp
from mcpassport.gate.admit import Gate
from mcpassport.http import HttpClient
from mcpassport.observe.store import TimedStore
from mcpassport.protocol import calls, endpoint
from mcpassport.records.calls import OutboundRequest, OutboundResponse
from mcpassport.settings import load
from mcpassport.store.vault import Vault
from mcpassport.upstream.call import Upstream
from mcpassport.upstream.outcome import Interpreter

HOPS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("the whole call", mcp.McpEndpoint, "__call__"),
    ("admission", Gate, "admit"),
    ("  in it: one of two reads of the store", TimedStore, "get_many"),
    ("body, under its cap and time limit", mcp, "read_body"),
    ("JSON-RPC", endpoint, "parse"),
    ("era and revision", endpoint, "classify"),
    ("tool in the caller's surface", calls, "find_tool"),
    ("arguments against the schema", calls, "check_arguments"),
    ("credential opened", Vault, "unseal"),
    ("audit intent, without its commit", Entry, "intent"),
    ("request built, with its expression", Upstream, "_prepare"),
    ("response read, with its expression", Interpreter, "read"),
    ("audit outcome, without its commit", Entry, "outcome"),
    ("answer", calls, "present"),
)
_ANSWER: Final = OutboundResponse(
    status=200, headers=(("content-type", "application/json"),), body=SMALL
)


class _Local(Vendor):
    """A vendor who manages the deployment in this process."""

    def __init__(self, config: Path) -> None:
        self._config = config

    def _api(self) -> Any:
        return open_api(self._config, None)


async def _constant(_client: HttpClient, _request: OutboundRequest) -> OutboundResponse:
    await asyncio.sleep(0)
    return _ANSWER


def _timed(function: Any, spent: list[float]) -> Any:
    """The function, whose every duration is noted."""

    @functools.wraps(function)
    async def later(*args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return await function(*args, **options)
        finally:
            spent.append(time.perf_counter() - started)

    @functools.wraps(function)
    def now(*args: Any, **options: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            spent.append(time.perf_counter() - started)

    return later if inspect.iscoroutinefunction(function) else now


async def _grant(folder: Path, config: Path) -> Grant:
    vendor = _Local(config)
    integration = await vendor.push(content(folder / "content", 9))
    await vendor.tenant("bench")
    account = await vendor.account("bench", integration)
    return await vendor.grant("bench", account, factor=True)


async def _call(app: ASGIApp, grant: Grant) -> None:
    head, _, body = grant.call("bench_note_expressed", id="n_1").partition(b"\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    headers = {name.lower(): value for name, value in lines}
    answer = await request(app, grant.path, headers=headers, body=body)
    assert answer is not None
    assert answer.status == 200, answer.body  # noqa: PLR2004 - OK


async def measure(folder: Path, number: int) -> dict[str, float]:
    """The fastest of so many calls for each hop, in µs; the whole call without timers in it."""
    config = (await make_deployment(folder / "home", "http://127.0.0.1:9")).config
    write_settings(config, 9, {}, LIMITS)
    grant = await _grant(folder, config)
    spent: defaultdict[str, list[float]] = defaultdict(list)
    with (
        mock.patch.object(composition, "open_audit", return_value=NullAudit()),
        mock.patch.object(HttpClient, "send", _constant),
    ):
        async with open_services(load(config)) as services, open_application(services) as app:
            await _repeat(app, grant, number, HOPS[:1], spent)
            await _repeat(app, grant, number, HOPS[1:], spent)
    return {text: 1e6 * min(spent[text]) for text, _, _ in HOPS}


async def _repeat(
    app: ASGIApp,
    grant: Grant,
    number: int,
    hops: tuple[tuple[str, Any, str], ...],
    spent: dict[str, list[float]],
) -> None:
    patches: list[Callable[[], Any]] = []
    for text, owner, name in hops:
        patch = mock.patch.object(owner, name, _timed(getattr(owner, name), spent[text]))
        patch.start()
        patches.append(patch.stop)
    try:
        for _ in range(number):
            await _call(app, grant)
    finally:
        for stop in patches:
            stop()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix=secrets.token_hex(4)) as name:
        found = asyncio.run(measure(Path(name), given.calls))
    for text, took in found.items():
        print(f"{took:8.1f} µs  {text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
