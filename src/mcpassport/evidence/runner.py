"""Runs the checks: starts the lab and the sandbox, and collects what was seen."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mcpassport.catalog.build import build
from mcpassport.errors import UsageError
from mcpassport.evidence.bench import Bench
from mcpassport.evidence.checks import CHECKS
from mcpassport.evidence.finding import CheckFailed, Finding
from mcpassport.evidence.processes import Sandbox, client, running_lab
from mcpassport.evidence.unreached import unreached
from mcpassport.evidence.upstream import Lab
from mcpassport.records.evidence import Evidence, Profile, Result
from mcpassport.records.integration import Integration

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
    async with _running(plan) as bench:
        await bench.prepare()
        ready, results = bench.sandbox.ready, []
        for claim in claims:
            progress(claim, None)
            results.append(await _checked(claim, bench))
            progress(claim, results[-1])
    return Evidence(
        build_digest=ready.build_digest,
        settings_digest=ready.settings_digest,
        catalog_digest=build(plan.integration).digest.hex(),
        profile=plan.profile,
        started=started,
        substitutions=ready.substitutions,
        results=tuple(results),
        failures=bench.failures,
    )


async def _checked(claim: str, bench: Bench) -> Result:
    finding = Finding()
    try:
        await CHECKS[claim](bench, finding)
    except CheckFailed as error:
        finding.expect(False, "the check ran to its end", error)
    except Exception as error:  # noqa: BLE001  # what the product answered is not fit for a check
        finding.expect(False, "the check ran to its end", type(error).__name__)
    return Result(claim, finding.verdict, finding.control, tuple(finding.saw))


@asynccontextmanager
async def _running(plan: Plan) -> AsyncIterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="mcpassport-evidence-") as name, unreached() as gone:
        base = Path(name)
        async with running_lab(base / "lab.log") as upstream:
            http = client(upstream)
            hosts = (upstream, gone.refusing, gone.silent)
            sandbox = Sandbox(base / "product", hosts, plan.config)
            try:
                await sandbox.start()
                yield Bench(sandbox, Lab(http, upstream), gone, full=plan.profile == "full")
            finally:
                await sandbox.close()
                await http.close()
