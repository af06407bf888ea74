"""`mcpassport evidence`: run the checks behind the claims of the reference."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from cyclopts import App
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mcpassport.cli.integration import load_usable
from mcpassport.cli.options import DEFAULTS, Options, Repeated
from mcpassport.cli.output import FOUND, OK, errors, print_json, print_table
from mcpassport.errors import DataFolderError, UsageError
from mcpassport.evidence.checks import CHECKS
from mcpassport.evidence.runner import Plan, run
from mcpassport.records.evidence import Evidence, Result

app = App(name="evidence", help="Checks behind the claims of the reference.")


@app.command(name="run")
async def run_(
    source: Path,
    *,
    profile: Literal["quick", "full"] = "quick",
    only: Repeated = None,
    out: Path = Path("evidence.json"),
    options: Options = DEFAULTS,
) -> int:
    """Check the claims on a throw-away process of this build, and write what was found.

    Exit code 1 if any check fails.

    Parameters
    ----------
    source
        The integration's folder whose reference the evidence is for.
    profile
        quick, or full.
    only
        Id of a claim to check, such as SCO-01; repeat it. Absent: every claim that has a check.
    out
        File to write.
    """
    if options.url:
        raise UsageError("evidence run starts a process of its own; leave --url out.")
    integration = load_usable(source).integration
    assert integration is not None
    plan = Plan(integration, profile, tuple(only or ()), options.config)
    evidence = await _with_progress(plan)
    try:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(evidence), indent=2) + b"\n")
    except OSError as error:
        raise DataFolderError(f"{out} cannot be written: {error.strerror}.") from None
    if options.json:
        print_json(evidence)
    else:
        _print(evidence)
    return FOUND if any(result.verdict == "fail" for result in evidence.results) else OK


async def _with_progress(plan: Plan) -> Evidence:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("starting", total=len(plan.claims()))

        def progress(claim: str, result: Result | None) -> None:
            bar.update(task, description=claim, advance=0 if result is None else 1)

        return await run(plan, progress)


def _print(evidence: Evidence) -> None:
    columns = {"Claim": "claim", "Verdict": "verdict", "Control caught": "control", "Saw": "saw"}
    rows: list[dict[str, Any]] = [
        {**msgspec.to_builtins(result), "saw": "\n".join(result.saw)} for result in evidence.results
    ]
    print_table(f"Evidence ({evidence.profile})", columns, rows, f"None of {len(CHECKS)} checks.")
