"""The processes of `serve`: replaced under load, stopped with work under way, killed."""

import asyncio
import http.client
import os
import signal
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
from tests.support.lab import Lab, rule, running_lab
from tests.support.serving import Served, served, until

from mcpassport.serving.backoff import CRASH_LOOP

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("serving")]

CLIENTS = 8
SOON_S = 60
"""Generous: on a busy machine a worker takes its time to start."""


@pytest.fixture
def lab() -> Iterator[Lab]:
    """An upstream that takes a moment."""
    with running_lab() as running:
        running.answers(rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": 0.02}))
        yield running


async def fetched(house: Served, path: str) -> dict[str, Any]:
    """What a public address answers now."""
    async with aiohttp.ClientSession() as session, session.get(house.url / path) as response:
        document: dict[str, Any] = await response.json()
        return document


class Hammer:
    """Clients that call without pause, each over one connection that it keeps."""

    def __init__(self, house: Served) -> None:
        self._house = house
        self._numbers = count()
        self._stop = asyncio.Event()
        self.answers: dict[str, dict[str, Any] | None] = {}

    async def client(self) -> None:
        """Call until told to stop."""
        connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=60)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not self._stop.is_set():
                name = f"call-{next(self._numbers)}"
                self.answers[name] = await self._house.call(session, name)

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self.client()) for _ in range(CLIENTS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def goes_on(self) -> None:
        """Wait until many more calls were made."""
        before = len(self.answers)
        await until(lambda: len(self.answers) > before + 20 * CLIENTS, SOON_S, "calls go through")


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 2])
async def test_a_rolling_restart_fails_no_request(tmp_path: Path, lab: Lab, workers: int) -> None:
    """SIGHUP brings new settings into force, worker by worker, and no caller notices."""
    settings = {"workers": workers, "drain_notice_s": 2, "environment": "before"}
    async with served(tmp_path, lab, settings, {}) as house:
        await until(lambda: len(house.workers()) == workers, SOON_S, "the workers")
        before, digest = set(house.workers()), (await fetched(house, "version"))["settings_digest"]
        async with Hammer(house) as hammer:
            await hammer.goes_on()
            house.change(environment="after", nonsense="x")
            house.signal(signal.SIGHUP)
            await until(lambda: house.logged("reload_refused"), SOON_S, "the refusal")
            assert "nonsense: no such setting" in house.logged("reload_refused")[0]["why"]
            assert set(house.workers()) == before
            house.config.write_text(house.config.read_text().replace('nonsense = "x"\n', ""))
            house.signal(signal.SIGHUP)
            await until(lambda: house.logged("reloaded"), 4 * SOON_S, "the new workers")
            await hammer.goes_on()
        assert not before & set(house.workers())
        assert len(house.workers()) == workers
        assert (await fetched(house, "version"))["settings_digest"] != digest
        rows = [row for row in await house.rows() if row.rpc_method == "tools/call"]
    failed = {name: answer for name, answer in hammer.answers.items() if answer is None}
    assert not failed
    assert all("isError" not in answer["result"] for answer in hammer.answers.values() if answer)
    assert len(rows) == 2 * len(hammer.answers), "an intent and an outcome each"
    assert {row.outcome for row in rows if row.phase == "outcome"} == {"ok"}
    assert not house.logged("worker_died")


@pytest.mark.slow
async def test_the_number_of_workers_follows_the_settings(tmp_path: Path, lab: Lab) -> None:
    """More and fewer of them, without a restart; the last one that goes leaves nobody waiting."""
    async with served(tmp_path, lab, {"workers": 1}, {}) as house:
        for number, turns in ((3, 1), (1, 2)):
            house.change(workers=number)
            house.signal(signal.SIGHUP)
            await until(lambda n=turns: len(house.logged("reloaded")) == n, 4 * SOON_S, "reload")
            assert len(house.workers()) == number
        assert (await fetched(house, "healthz"))["alive"] is True


async def test_sigterm_lets_calls_end_and_takes_no_new_ones(tmp_path: Path, lab: Lab) -> None:
    """What is under way is answered and recorded; readiness says so; then exit code 0."""
    lab.answers(rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": 10}))
    async with served(tmp_path, lab, {"drain_notice_s": 8}, {}) as house:
        async with aiohttp.ClientSession() as session:
            under_way = asyncio.create_task(house.call(session, "slow"))
            await until(lab.requests, SOON_S, "the call at the upstream")
            open_one, idle = (
                http.client.HTTPConnection("127.0.0.1", house.url.port, timeout=SOON_S)
                for _ in range(2)
            )
            assert status(idle, "/readyz") == (200, None)
            assert status(open_one, "/readyz") == (200, None)
            house.signal(signal.SIGTERM)
            while (now := status(open_one, "/readyz")) == (200, None):  # noqa: ASYNC110 - it is asked
                await asyncio.sleep(0.01)
            assert now == (503, "close")
            await until(lambda: not listens(house), SOON_S, "new connections are refused")
            assert status(idle, "/readyz") == (503, "close")
            assert not under_way.done()
            answer = await under_way
        assert answer is not None
        assert "isError" not in answer["result"]
        assert await asyncio.to_thread(house.process.wait, SOON_S) == 0
        rows = [row for row in await house.rows() if row.rpc_method == "tools/call"]
    assert [(row.phase, row.outcome) for row in rows] == [("intent", ""), ("outcome", "ok")]


def status(connection: http.client.HTTPConnection, path: str) -> tuple[int, str | None]:
    """One request on that connection: the status, and whether it is the last."""
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status, response.headers.get("connection")


def listens(house: Served) -> bool:
    """Whether a new connection is taken."""
    connection = http.client.HTTPConnection("127.0.0.1", house.url.port, timeout=SOON_S)
    try:
        connection.connect()
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
    return True


async def test_what_takes_too_long_is_cancelled_and_recorded(tmp_path: Path, lab: Lab) -> None:
    """After `drain_timeout_s` the upstream request is given up, and its outcome says so."""
    lab.answers(rule("/*", json={"id": "1"}, fault={"kind": "delay", "seconds": 300}))
    settings = {"drain_timeout_s": 1}
    async with served(tmp_path, lab, settings, {}) as house:
        async with aiohttp.ClientSession() as session:
            under_way = asyncio.create_task(house.call(session, "endless"))
            await until(lab.requests, SOON_S, "the call at the upstream")
            house.signal(signal.SIGTERM)
            assert await under_way is None
        assert await asyncio.to_thread(house.process.wait, SOON_S) == 0
        assert house.logged("cancelled_late")[0]["requests"] == 1
        rows = [row for row in await house.rows() if row.rpc_method == "tools/call"]
    assert [(row.phase, row.outcome) for row in rows] == [("intent", ""), ("outcome", "cancelled")]


async def test_a_worker_that_dies_again_and_again_is_started_again(
    tmp_path: Path, lab: Lab
) -> None:
    """Killed as soon as it serves, with growing pauses and a clear message; the service is back."""
    async with served(tmp_path, lab, {}, {}) as house:
        for deaths in range(1, CRASH_LOOP + 1):
            await until(house.workers, SOON_S, "a worker")
            await until(
                lambda n=deaths: len(house.logged("worker_serves")) == n, SOON_S, "it serves"
            )
            house.kill(house.workers()[0])
            await until(
                lambda n=deaths: len(house.logged("worker_died")) == n, SOON_S, "its death is seen"
            )
        (loop,) = house.logged("crash_loop")
        assert "dies again and again" in loop["message"]
        pauses = [line["seconds"] for line in house.log() if "seconds" in line]
        assert pauses == sorted(pauses)
        assert {line["how"] for line in house.logged("worker_died")} == {"killed by SIGKILL"}
        await until(house.workers, SOON_S, "another worker")
        async with aiohttp.ClientSession() as session:
            await until(lambda: listens(house), SOON_S, "it listens")
            answer = await house.call(session, "again")
        assert answer is not None


async def test_workers_do_not_outlive_their_supervisor(tmp_path: Path, lab: Lab) -> None:
    """They would hold the address, and nobody would start them again."""
    async with served(tmp_path, lab, {"workers": 2}, {}) as house:
        await until(lambda: len(house.workers()) == 2, SOON_S, "the workers")
        workers = house.workers()
        house.signal(signal.SIGKILL)
        house.process.wait()
        await until(lambda: not any(map(alive, workers)), SOON_S, "the workers end")
        assert not listens(house)


def alive(pid: int) -> bool:
    """Whether that process runs; one that ended but was not waited for does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
