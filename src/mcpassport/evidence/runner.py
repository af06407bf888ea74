"""Runs the checks: starts the sandbox and the lab, each a process, and collects what was seen."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from mcpassport.catalog.build import build
from mcpassport.errors import McpassportError, UsageError
from mcpassport.evidence.bench import Bench, CheckFailed, Finding
from mcpassport.evidence.checks import CHECKS
from mcpassport.evidence.upstream import Lab
from mcpassport.http import HttpClient
from mcpassport.limits import Limits
from mcpassport.records.evidence import Evidence, Profile, Result
from mcpassport.records.integration import Integration

START_S: Final = 60
STOP_S: Final = 10
Progress = Callable[[str, Result | None], None]
"""Told which claim is being checked, and then what came of it."""


@dataclass(frozen=True)
class Plan:
    """What to check, and the deployment's settings file, if it has one."""

    integration: Integration
    profile: Profile = "quick"
    only: tuple[str, ...] = ()
    config: Path | None = None

    def claims(self) -> tuple[str, ...]:
        """The claims to check, in the order of the table; `UsageError` for one without check."""
        unknown = sorted(set(self.only) - set(CHECKS))
        if unknown:
            raise UsageError(f"No check of {', '.join(unknown)}; there are {', '.join(CHECKS)}.")
        return tuple(claim for claim in CHECKS if not self.only or claim in self.only)


async def run(plan: Plan, progress: Progress) -> Evidence:
    """One boot, every check in turn; `UsageError` if sandbox or lab do not start."""
    claims, started = plan.claims(), datetime.now(UTC)
    async with _running(plan.config) as (bench, ready):
        await bench.prepare()
        results = []
        for claim in claims:
            progress(claim, None)
            results.append(await _checked(claim, bench))
            progress(claim, results[-1])
    return Evidence(
        build_digest=ready["build_digest"],
        settings_digest=ready["settings_digest"],
        catalog_digest=build(plan.integration).digest.hex(),
        profile=plan.profile,
        started=started,
        substitutions=tuple(ready["substitutions"]),
        results=tuple(results),
        failures=bench.failures,
    )


async def _checked(claim: str, bench: Bench) -> Result:
    finding = Finding()
    try:
        await CHECKS[claim](bench, finding)
    except (CheckFailed, McpassportError, LookupError) as error:
        finding.broken = True
        finding.saw.append(f"NOT: the check ran to its end ({type(error).__name__}: {error})")
    return Result(claim, finding.verdict, finding.control, tuple(finding.saw))


@asynccontextmanager
async def _running(config: Path | None) -> AsyncIterator[tuple[Bench, Mapping[str, Any]]]:
    with tempfile.TemporaryDirectory(prefix="mcpassport-evidence-") as name:
        base = Path(name)
        async with (
            _child(("mcpassport.lab", "--with-stdin"), base / "lab.log") as lab,
            _sandbox(base, f"{lab['host']}:{lab['port']}", config) as ready,
        ):
            http = HttpClient(
                limits=Limits(),
                private_hosts=(f"{lab['host']}:{lab['port']}", f"127.0.0.1:{ready['port']}"),
                user_agent="mcpassport-evidence",
            )
            try:
                yield _bench(http, base, lab, ready), ready
            finally:
                await http.close()


def _bench(http: HttpClient, base: Path, lab: Mapping[str, Any], ready: Mapping[str, Any]) -> Bench:
    return Bench(
        http=http,
        origin=f"http://127.0.0.1:{ready['port']}",
        admin=ready["token"],
        folder=base,
        lab=Lab(http, f"http://{lab['host']}:{lab['port']}"),
    )


@asynccontextmanager
async def _sandbox(
    base: Path, upstream: str, config: Path | None
) -> AsyncIterator[Mapping[str, Any]]:
    """The sandbox; it ends with the pipe that steers its clock."""
    reading, writing = os.pipe()
    arguments = ["--folder", str(base / "home"), "--clock", str(reading), "--upstream", upstream]
    if config is not None:
        arguments += ["--config", str(config)]
    command = ("mcpassport.sandbox", *arguments)
    try:
        async with _child(command, base / "sandbox.log", reading) as ready:
            os.close(reading)
            reading = -1
            try:
                yield ready
            finally:
                os.close(writing)
                writing = -1
    finally:
        for descriptor in (reading, writing):
            if descriptor >= 0:
                os.close(descriptor)


@asynccontextmanager
async def _child(
    command: Sequence[str], log: Path, inherited: int = -1
) -> AsyncIterator[Mapping[str, Any]]:
    """A module of this package as a process; yields what its first line says."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            pass_fds=(inherited,) if inherited >= 0 else (),
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
        if not line:
            raise UsageError(f"{command[0]} did not start: {_last_line(log)}")
        yield json.loads(line)
    finally:
        process.stdin.close()
        await _ended(process)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
