"""What commands print: tables for people, JSON for scripts, problems on standard error."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from mcpassport.cli.client import ApiProblem
from mcpassport.errors import McpassportError, OperatorError, UsageError, envelope_of

OK = 0
FOUND = 1
UNUSABLE = 2

WIDTH_OF_A_PIPE = 200
_width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
console = Console(highlight=False, soft_wrap=True, width=_width)
errors = Console(stderr=True, highlight=False, soft_wrap=True, width=_width)


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")


def print_table(
    title: str, columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], empty: str
) -> None:
    """A table with `columns` (heading -> member); `empty` is said when there is no row."""
    if not rows:
        console.print(f"[dim]{escape(empty)}[/dim]")
        return
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading in columns:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(escape(shown(row.get(member))) for member in columns.values()))
    console.print(table)


def print_facts(facts: Mapping[str, Any]) -> None:
    """One object, a member per line."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None:
            table.add_row(escape(name), escape(shown(value)))
    console.print(table)


def tell_object(document: Mapping[str, Any], *, json: bool, then: str = "") -> None:
    """One object: JSON for scripts; its members for people, and after them the sentence `then`."""
    if json:
        print_json(document)
        return
    print_facts(document)
    if then:
        console.print(then)


def tell_rows(
    title: str,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, Any]],
    empty: str,
    *,
    json: bool,
) -> None:
    """A listing: all of it for scripts, `columns` of it for people (see `print_table`)."""
    print_json(rows) if json else print_table(title, columns, rows, empty)


def tell_change(document: Mapping[str, Any], sentence: str, *, json: bool) -> None:
    """What was done: the object for scripts, a sentence for people."""
    print_json(document) if json else console.print(escape(sentence))


def shown(value: Any) -> str:
    """A value as people read it."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name}={shown(item)}" for name, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value) or "-"
    return str(value)


@contextmanager
def showing(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar at a terminal; tell it how much of how much is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def print_problem(error: McpassportError | ApiProblem) -> int:
    """Say on standard error what was wrong, where, and how to mend it; the exit code."""
    if isinstance(error, ApiProblem):
        kind = str(error.document.get("type", ""))
        detail = str(error.document.get("detail", ""))
        problems = error.document.get("problems", [])
    else:
        envelope = envelope_of(error)
        kind, detail = envelope.type, envelope.message
        problems = [problem._asdict() for problem in error.problems]
    errors.print(f"[bold red]{escape(kind)}[/bold red]: {escape(detail)}")
    for problem in problems:
        where, message = problem.get("where", ""), problem.get("message", "")
        errors.print(f"  [bold]{escape(where)}[/bold] {escape(message)}")
        if problem.get("mend"):
            errors.print(f"    mend: {escape(problem['mend'])}", style="dim")
    return UNUSABLE if isinstance(error, OperatorError) else FOUND


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is destroyed; a no ends the program, `UsageError` if nobody can say."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can answer here: add --yes to go on.")
    if console.input(f"{escape(question)} [y/N] ").strip().lower() not in {"y", "yes"}:
        console.print("Nothing was changed.")
        stop(FOUND)


def stop(code: int) -> NoReturn:
    """Leave with that exit code."""
    raise SystemExit(code)
