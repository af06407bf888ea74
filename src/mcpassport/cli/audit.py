"""`mcpassport audit`: a tenant's trail."""

from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import print_json, print_table

app = App(name="audit", help="The audit trail: one hash chain per tenant.")
PAGE = 200


@app.command(name="list")
async def list_(
    *,
    tenant: str | None = None,
    limit: PositiveInt = 50,
    strangers: Annotated[bool, Parameter(negative="")] = False,
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
        Instead: requests that resolved to nobody, counted per second, reason and network.
    """
    if strangers:
        async with options.api() as api:
            counts = (await api.call("GET", "/audit/strangers", query={"limit": min(limit, PAGE)}))[
                "result"
            ]
        columns = {"second": "second", "reason": "reason", "network": "network", "count": "count"}
        _print(counts, columns, "Strangers", options)
        return
    query = {"tenant": tenant}
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    async with options.api() as api:
        while len(rows) < limit:
            size = min(PAGE, limit - len(rows))
            page = await api.call("GET", "/audit", query={**query, "cursor": cursor, "limit": size})
            rows += page["result"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
    columns = {
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
    _print(rows, columns, f"Audit rows of {tenant or 'the deployment'}", options)


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


def _print(
    rows: list[dict[str, Any]], columns: dict[str, str], title: str, options: Options
) -> None:
    if options.json:
        print_json(rows)
    else:
        print_table(title, columns, [_told(row) for row in rows], "No row yet.")
