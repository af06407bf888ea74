"""`mcpassport evidence`: run the checks behind the claims of the reference."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from cyclopts import App
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from mcpassport.cli.integration import load_usable
from mcpassport.cli.options import DEFAULTS, Options, Repeated
from mcpassport.cli.output import FOUND, OK, console, errors, print_json, print_table
from mcpassport.errors import DataFolderError, UsageError
from mcpassport.evidence.checks import CHECKS
from mcpassport.evidence.claims import CLAIMS
from mcpassport.evidence.runner import Plan, run
from mcpassport.records.evidence import Evidence, Result
from mcpassport.settings import load

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

    Exit code 0 if every check passed, 1 if one failed, 2 if they could not be run.

    Parameters
    ----------
    source
        The integration's folder whose reference the evidence is for.
    profile
        quick, or full: that also kills the process and searches what it leaves.
    only
        Id of a claim to check, such as SCO-01; repeat it. Absent: every claim that has a check.
    out
        File to write.
    """
    if options.url:
        raise UsageError("evidence run starts a process of its own; leave --url out.")
    integration = load_usable(source).integration
    assert integration is not None
    load(options.config)  # what is wrong with the settings is told here, with its place
    if not out.parent.is_dir():
        raise DataFolderError(f"{out} cannot be written: there is no folder {out.parent}.")
    evidence = await _with_progress(Plan(integration, profile, tuple(only or ()), options.config))
    try:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(evidence), indent=2) + b"\n")
    except OSError as error:
        raise DataFolderError(f"{out} cannot be written: {error.strerror}.") from None
    failed = [result.claim for result in evidence.results if result.verdict == "fail"]
    if options.json:
        print_json(evidence)
    else:
        _print(evidence, failed, out)
    return FOUND if failed else OK


@app.command(name="list")
def list_(*, options: Options = DEFAULTS) -> None:
    """List the claims that have a check, and the fault that each check must catch."""
    rows = [
        {
            "claim": claim,
            "heading": CLAIMS[claim].section,
            "sentence": CLAIMS[claim].template,
            "control": control_of(claim),
        }
        for claim in CHECKS
    ]
    if options.json:
        print_json(rows)
        return
    columns = {"Claim": "claim", "Sentence": "sentence", "Control": "control"}
    print_table("Claims with a check", columns, rows, "No claim has a check.")


def control_of(claim: str) -> str:
    """What the check of that claim must catch, in its own words."""
    text = " ".join((CHECKS[claim].__doc__ or "").split())
    return text.partition("Control: ")[2]


async def _with_progress(plan: Plan) -> Evidence:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("starting", total=len(plan.claims()))

        def progress(claim: str, result: Result | None) -> None:
            bar.update(task, description=claim, advance=0 if result is None else 1)

        return await run(plan, progress)


def _print(evidence: Evidence, failed: list[str], out: Path) -> None:
    columns = {"Claim": "claim", "Verdict": "verdict", "Control caught": "control", "Saw": "saw"}
    rows: list[dict[str, Any]] = [
        {**msgspec.to_builtins(result), "saw": "\n".join(result.saw)} for result in evidence.results
    ]
    print_table(f"Evidence ({evidence.profile})", columns, rows, "No claim was checked.")
    count = len(evidence.results)
    told = f" Failed: {', '.join(failed)}." if failed else ""
    console.print(f"{count - len(failed)} of {count} checks passed.{told} Wrote {out}.")
