"""`mcpassport audit`: a tenant's trail."""

import asyncio
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from mcpassport.audit.export import COLUMNS, EDGE_COLUMNS
from mcpassport.audit.verification import Verdict, verify_file
from mcpassport.cli.fingerprint import fingerprint as recompute
from mcpassport.cli.options import DEFAULTS, Flag, Options, moment
from mcpassport.cli.output import FOUND, OK, showing, tell_object, tell_rows
from mcpassport.cli.trail import TRIES, Puller, Source
from mcpassport.cli.trailfile import Form, TrailFile
from mcpassport.errors import UsageError

app = App(name="audit", help="The audit trail: one hash chain per tenant.")
app.command(recompute)


@Parameter(name="*")
@dataclass(frozen=True)
class Which:
    """Which rows of a chain: those that fit every filter given."""

    phase: Annotated[
        Literal["intent", "outcome", "refusal", "event"] | None, Parameter(help="kind of row")
    ] = None
    account: Annotated[str | None, Parameter(help="id of an integrated account")] = None
    server: Annotated[str | None, Parameter(help="id of an MCP server")] = None
    tool: Annotated[str | None, Parameter(help="name of a tool")] = None
    outcome: Annotated[str | None, Parameter(help="ok, or the type of an error")] = None
    reason: Annotated[str | None, Parameter(help="why it was denied")] = None
    request_id: Annotated[str | None, Parameter(help="the rows of one request")] = None
    since: Annotated[
        str | None, Parameter(name="--from", help="at or after this ISO 8601 time with zone")
    ] = None
    until: Annotated[
        str | None, Parameter(name="--to", help="before this ISO 8601 time with zone")
    ] = None

    def query(self) -> dict[str, str | None]:
        """The filters as the management API takes them."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        for field, name in (("since", "from"), ("until", "to")):
            if field in given:
                given[name] = moment(given.pop(field))
        return given


ALL_ROWS = Which()
ROW_COLUMNS = {
    "sequence": "sequence",
    "time": "time",
    "phase": "phase",
    "what": "what",
    "on": "on",
    "by": "by",
    "result": "result",
    "upstream": "upstream_status",
    "ms": "duration_ms",
    "request": "request_id",
}
STRANGER_COLUMNS = {
    "sequence": "sequence",
    "second": "time",
    "reason": "reason",
    "network": "network",
    "count": "count",
}


@app.command(name="list")
async def list_(
    *,
    tenant: str | None = None,
    which: Which = ALL_ROWS,
    limit: PositiveInt = 50,
    strangers: Flag = False,
    options: Options = DEFAULTS,
) -> None:
    """List the newest rows of a tenant's chain.

    Parameters
    ----------
    tenant
        The tenant; absent: the deployment's own events.
    limit
        How many rows.
    strangers
        Instead: requests that resolved to nobody, counted per second, reason and network; of the
        filters --reason, --from and --to.
    """
    path, query = "/audit", {"tenant": tenant, **which.query()}
    columns, title = ROW_COLUMNS, f"Audit rows of {tenant or 'the deployment'}"
    if strangers:
        path, columns, title = "/audit/strangers", STRANGER_COLUMNS, "Strangers"
    async with options.api() as api:
        rows = await api.pages(path, query=query, at_most=limit)
    empty = "No row yet." if which == ALL_ROWS else "No row fits."
    told = rows if options.json else [_told(row) for row in rows]
    tell_rows(title, columns, told, empty, json=options.json)


@Parameter(name="*")
@dataclass(frozen=True)
class Target:
    """The file of an export."""

    out: Annotated[Path, Parameter(help="the file; a new one unless --resume is given")]
    format: Annotated[
        Form, Parameter(help="ndjson: a flat JSON object a line, for `audit verify` too; csv: rows")
    ] = "ndjson"
    resume: Annotated[
        bool,
        Parameter(negative="", help="go on after the last whole line of the file, if it is there"),
    ] = False


@app.command
async def export(
    *,
    target: Target,
    tenant: str | None = None,
    strangers: Flag = False,
    follow: Flag = False,
    every: PositiveInt = 5,
    options: Options = DEFAULTS,
) -> int:
    """Write a chain to a file, oldest row first, and verify it on the way.

    As NDJSON with its signed checkpoints, for `audit verify`. Exit code 1 if the chain is not
    whole; the rows are written all the same. A deployment that stops answering is asked again, for
    half a minute, with --follow for ever.

    Parameters
    ----------
    tenant
        The tenant; absent: that of the API token, or the deployment's own chain.
    strangers
        Instead: the chain of requests that resolved to nobody.
    follow
        Go on with what is added, until interrupted.
    every
        With --follow: seconds between two looks.
    """
    source = Source("/audit/strangers") if strangers else Source("/audit", tenant)
    columns = EDGE_COLUMNS if strangers else COLUMNS
    with TrailFile(target.out, target.format, columns, resume=target.resume) as file:
        before = file.place.sequence
        async with options.api() as api:
            puller = Puller(api, source, file, tries=None if follow else TRIES)
            total = await puller.newest()
            with showing("exporting") as progress:
                await puller.pull(lambda done: progress(done - before, max(total, done) - before))
            while follow:
                await asyncio.sleep(every)
                await puller.pull()
        facts = {
            "file": str(target.out),
            "rows": puller.rows,
            "first": before + 1 if puller.rows else None,
            "last": file.place.sequence,
            "whole": puller.broken is None,
        }
    tell_object(facts, json=options.json)
    return FOUND if puller.broken else OK


@app.command
def verify(file: Path, *, fingerprint: str = "", json: Flag = False) -> int:
    """Recompute an exported chain from its file alone; exit code 1 says where it is not whole.

    Parameters
    ----------
    file
        What `audit export` wrote.
    fingerprint
        Of the key that signs checkpoints, as `/audit/key` shows it; then they are checked too.
    json
        Print JSON for scripts.
    """
    try:
        verdict = verify_file(file, fingerprint.lower())
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None
    unsigned = bool(fingerprint) and not verdict.anchored
    whole = verdict.broken is None and not unsigned
    document = {
        "whole": whole,
        "chain": verdict.chain,
        "rows": verdict.rows,
        "first": verdict.first,
        "last": verdict.last,
        "anchored_through": verdict.anchored if fingerprint else None,
        "broken_at": verdict.broken.sequence if verdict.broken else None,
        "reason": _reason(verdict, unsigned=unsigned),
    }
    unchecked = "" if fingerprint else "Signatures were not checked: give --fingerprint."
    tell_object(document, json=json, then=unchecked)
    return OK if whole else FOUND


def _reason(verdict: Verdict, *, unsigned: bool) -> str | None:
    if verdict.broken is not None:
        return verdict.broken.reason
    return "no checkpoint in the file signs any of its rows" if unsigned else None


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A row as people read it: one member for what happened, to what, by whom, and how it ended."""
    return {
        **row,
        "time": str(row.get("ts", "")).partition(".")[0].removesuffix("Z").replace("T", " "),
        "what": row.get("tool") or row.get("action") or row.get("rpc_method"),
        "on": row.get("subject") or row.get("server"),
        "by": row.get("principal") or row.get("client_name"),
        "result": row.get("outcome") or row.get("reason") or row.get("decision"),
    }
