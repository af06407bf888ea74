"""`mcpassport integration`: author, check, push and try upstream APIs described as data."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter
from rich.markup import escape

from mcpassport.cli.client import segment
from mcpassport.cli.openapi import import_openapi
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import (
    FOUND,
    OK,
    UNUSABLE,
    confirm,
    console,
    print_json,
    print_table,
    tell_object,
    tell_rows,
)
from mcpassport.errors import InvalidIntegration, Problem
from mcpassport.integrations.examples import RULE as EXAMPLE_FAILED
from mcpassport.integrations.examples import run_examples
from mcpassport.integrations.lint import Report, with_examples
from mcpassport.integrations.lint import check as lint
from mcpassport.integrations.lint import strict as stricter
from mcpassport.integrations.load import Loaded, load_folder
from mcpassport.records.findings import Finding

app = App(name="integration", help="Upstream APIs described as data: author, check, push, try.")
app.command(import_openapi, name="import-openapi")


@app.command
async def check(folder: Path, *, strict: Flag = False, options: Options = DEFAULTS) -> int:
    """Run the quality gate over a folder. Exit code 0 no error, 1 errors, 2 format errors.

    Parameters
    ----------
    folder
        The integration's folder.
    strict
        Count warnings as errors.
    """
    loaded = load_folder(folder)
    report = await judged(loaded)
    report = stricter(report) if strict else report
    if options.json:
        print_json(
            {
                "score": report.score,
                "findings": msgspec.to_builtins(report.findings),
                "tools": len(report.catalog.tools) if report.catalog else None,
            }
        )
    else:
        print_findings(report.findings)
        console.print(
            f"{len(report.findings)} findings, score {report.score} of 100"
            + ("" if loaded.integration else "; the format errors must be mended first")
        )
    if loaded.integration is None:
        return UNUSABLE
    return FOUND if report.failed else OK


async def judged(loaded: Loaded) -> Report:
    """The quality gate, with the recorded examples run."""
    report = lint(loaded)
    if report.catalog is None:
        return report
    return with_examples(report, await run_examples(loaded, report.catalog))


def print_findings(findings: tuple[Finding, ...]) -> None:
    """Findings for people: where, what, how to mend."""
    for finding in findings:
        colour = "red" if finding.severity == "error" else "yellow"
        console.print(
            f"[{colour}]{finding.severity}[/{colour}] [bold]{escape(finding.where)}[/bold] "
            f"[dim]{escape(finding.rule)}[/dim] {escape(finding.message)}"
        )
        if finding.mend:
            console.print(f"    mend: {escape(finding.mend)}", style="dim")


def load_usable(folder: Path) -> Loaded:
    """The folder, or `InvalidIntegration` with every format error."""
    loaded = load_folder(folder)
    if loaded.integration is None:
        errors = [finding for finding in loaded.findings if finding.severity == "error"]
        raise _refused(f"{folder} has format errors.", errors)
    return loaded


def _refused(message: str, findings: list[Finding]) -> InvalidIntegration:
    problems = tuple(Problem(item.where, item.rule, item.message, item.mend) for item in findings)
    return InvalidIntegration(message, problems=problems)


@app.command
async def push(  # `note` would read as a section of the docstring
    folder: Path,
    *,
    note: Annotated[str, Parameter(help="what this version is about")] = "",
    expect_version: int | None = None,
    options: Options = DEFAULTS,
) -> None:
    """Push a folder as a new version; it is live at once, or when its release is published.

    It is refused when a recorded example fails.

    Parameters
    ----------
    folder
        The integration's folder.
    expect_version
        Refuse if another version is the newest than this one (0: none yet).
    """
    loaded = load_usable(folder)
    report = await judged(loaded)
    failed = [finding for finding in report.findings if finding.rule == EXAMPLE_FAILED]
    if failed:
        raise _refused(f"{folder}: a recorded example fails; nothing was pushed.", failed)
    body = {**loaded.content, "note": note, "expect_version": expect_version}
    async with options.api() as api:
        version = await api.call("POST", "/integration", body=body)
    if options.json:
        print_json(version)
        return
    print_findings(report.findings)
    name, number = escape(version["name"]), version["version"]
    console.print(
        f"{name} version {number} is held: `mcpassport reference publish {name}` makes it live "
        f"(score {report.score} of 100)."
        if version["held"]
        else f"{name} is live as version {number} (score {report.score} of 100)."
    )


@app.command(name="list")
async def list_(*, options: Options = DEFAULTS) -> None:
    """List integrations with their live versions."""
    async with options.api() as api:
        heads = await api.pages("/integration")
    tell_rows(
        "Integrations",
        {"name": "name", "label": "label", "version": "version", "pushed": "updated_at"},
        heads,
        "No integration yet: mcpassport integration push FOLDER",
        json=options.json,
    )


@app.command
async def versions(name: str, *, options: Options = DEFAULTS) -> None:
    """List the versions of an integration.

    Parameters
    ----------
    name
        The integration's name.
    """
    async with options.api() as api:
        records = await api.pages(f"/integration/{segment(name)}/versions")
    columns = {"version": "version", "pushed": "pushed_at", "by": "pushed_by", "note": "note"}
    tell_rows(f"Versions of {name}", columns, records, "No version.", json=options.json)


@app.command
async def diff(name: str, a: int, b: int, *, options: Options = DEFAULTS) -> int:
    """Show what changed from version A to version B. Exit code 1 if something breaking did.

    Parameters
    ----------
    name
        The integration's name.
    a
        The older version.
    b
        The newer version.
    """
    async with options.api() as api:
        document = await api.call(
            "GET", f"/integration/{segment(name)}/diff", query={"a": a, "b": b}
        )
    changes: list[dict[str, Any]] = document["changes"]
    if options.json:
        print_json(document)
    else:
        columns = {"what": "path", "kind": "kind", "breaking": "breaking",
                   "before": "before", "after": "after"}  # fmt: skip
        print_table(f"{name}: {a} to {b}", columns, changes, "No difference.")
    return FOUND if any(change["breaking"] for change in changes) else OK


@app.command
async def rollback(
    name: str, version: int, *, yes: Flag = False, options: Options = DEFAULTS
) -> None:
    """Push an old version's content again, as a new version.

    Parameters
    ----------
    name
        The integration's name.
    version
        The version whose content to push.
    yes
        Do not ask.
    """
    confirm(f"Make the content of {name}@{version} live again?", yes=yes)
    async with options.api() as api:
        record = await api.call(
            "POST", f"/integration/{segment(name)}/rollback", body={"version": version}
        )
    tell_object(record, json=options.json)
