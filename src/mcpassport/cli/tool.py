"""`mcpassport tool`: what an MCP server offers, a call as an agent would make it, and why not."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape
from yarl import URL

from mcpassport import __version__
from mcpassport.cli.account import read_json
from mcpassport.cli.bridge.bridge import Bridge, Server
from mcpassport.cli.bridge.messages import KEY_VERSION
from mcpassport.cli.client import host_and_port, segment
from mcpassport.cli.mcp_server import NO_PROOFS, Proofs, check_url, secret, secret_headers
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import FOUND, OK, console, print_json, print_table
from mcpassport.errors import UsageError
from mcpassport.http import HttpClient
from mcpassport.limits import MODERN_REVISIONS, Limits

app = App(name="tool", help="Tools of MCP servers: list them, call one, explain a missing one.")

_META = {
    KEY_VERSION: MODERN_REVISIONS[0],
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "mcpassport-cli", "version": __version__},
}


@Parameter(name="*")
@dataclass(frozen=True)
class Target:
    """Which MCP server: by its ids through the management API, or by its URL as an agent."""

    account: Annotated[str | None, Parameter(help="id of the account, with --server")] = None
    server: Annotated[str | None, Parameter(help="id of the MCP server, with --account")] = None
    mcp_url_env: Annotated[
        str | None, Parameter(help="environment variable that holds the server's URL, instead")
    ] = None
    mcp_url_file: Annotated[
        Path | None, Parameter(help="file that holds the server's URL, instead")
    ] = None

    def path(self) -> str:
        """The server's address in the management API."""
        if not self.account or not self.server:
            raise UsageError(
                "Name the MCP server: --account ID and --server ID, or its URL with --mcp-url-env "
                "or --mcp-url-file."
            )
        return f"/integrated-account/{segment(self.account)}/mcp/{segment(self.server)}"

    def agent(self, proofs: Proofs) -> Server | None:
        """The server as an agent reaches it; None where it is named by its ids."""
        url = secret(self.mcp_url_env, self.mcp_url_file)
        if url is None:
            if proofs != NO_PROOFS:
                raise UsageError("Tokens go with --mcp-url-env or --mcp-url-file.")
            return None
        if self.account or self.server:
            raise UsageError("Name the MCP server by its ids or by its URL, not by both.")
        check_url(url)
        return Server(url, secret_headers(proofs))


NO_TARGET = Target()


@app.command(name="list")
async def list_(
    *, target: Target = NO_TARGET, proofs: Proofs = NO_PROOFS, options: Options = DEFAULTS
) -> None:
    """List the tools that an MCP server exposes now."""
    server = target.agent(proofs)
    if server is not None:
        found = await _listed(server)
        title = f"{len(found)} tools"
        document: Any = found
    else:
        async with options.api() as api:
            document = await api.call("GET", f"{target.path()}/tools")
        found = document["result"]
        title = f"{len(found)} tools of {document['integration']}@{document['version']}"
        title += f", {document['hidden']} hidden" if document["hidden"] else ""
        title += "" if document["reachable"] else "; nobody can call them now"
        beyond = ", ".join(document["excess_scopes"])
        title += f"; granted beyond their need: {beyond}" if beyond else ""
    if options.json:
        print_json(document)
        return
    columns = {"tool": "name", "title": "title", "reads only": "read_only", "tags": "tags"}
    if server is not None:
        columns = {"tool": "name", "title": "title"}
    print_table(title, columns, found, "No tool. `mcpassport tool why-not NAME ...` says why.")


@app.command
async def call(
    tool: str,
    *,
    args: Annotated[str | None, Parameter(help="the arguments as a JSON object")] = None,
    args_file: Annotated[Path | None, Parameter(help="file that holds them")] = None,
    target: Target = NO_TARGET,
    proofs: Proofs = NO_PROOFS,
    options: Options = DEFAULTS,
) -> int:
    """Call a tool as an agent would. Exit code 1 if the call failed.

    With the server's URL this is an agent's call. With its ids it is made with your authority over
    the management API: the event `server.call` names you in the tenant's audit, before anything is
    sent, and so do the rows of the call.

    Parameters
    ----------
    tool
        The tool's name.
    """
    server, arguments = target.agent(proofs), _arguments(args, args_file)
    if server is not None:
        params = {"name": tool, "arguments": arguments}
        document: dict[str, Any] = {
            "tool": tool,
            "answer": await _asked(server, "tools/call", params),
        }
    else:
        body = {"tool": tool, "arguments": arguments}
        async with options.api() as api:
            document = await api.call("POST", f"{target.path()}/call", body=body)
    failed = _error(document["answer"])
    if options.json:
        print_json(document)
    else:
        _print(document["answer"], failed)
    return FOUND if failed else OK


@app.command(name="why-not")
async def why_not(tool: str, *, target: Target = NO_TARGET, options: Options = DEFAULTS) -> int:
    """Say everything that keeps a tool from an MCP server. Exit code 0 if nothing does, else 1.

    Parameters
    ----------
    tool
        Name of a tool, or RESOURCE.METHOD; a misspelt one is answered with the nearest names.
    """
    if target.mcp_url_env or target.mcp_url_file:
        raise UsageError("An agent is not told why: name the server by --account and --server.")
    async with options.api() as api:
        document = await api.call("GET", f"{target.path()}/why-not", query={"tool": tool})
    if options.json:
        print_json(document)
    elif document["offered"]:
        console.print(f"{escape(document['tool'])} is offered.")
    else:
        console.print(f"[bold]{escape(document['tool'])}[/bold] is not offered:")
        for reason in document["reasons"]:
            console.print(f"  [bold]{reason['kind']}[/bold]  {escape(reason['message'])}")
            console.print(f"    mend: {escape(reason['mend'])}", style="dim")
    return OK if document["offered"] else FOUND


def _arguments(text: str | None, file: Path | None) -> dict[str, Any]:
    if text is not None and file is not None:
        raise UsageError("Give --args or --args-file, not both.")
    if file is not None:
        found = read_json(file)
    else:
        try:
            found = json.loads(text or "{}")
        except (ValueError, RecursionError):
            raise UsageError("--args is not a JSON object.") from None
    if not isinstance(found, dict):
        raise UsageError(f"{file or '--args'} is not a JSON object.")
    return found


async def _listed(server: Server) -> list[Any]:
    """Every tool, page by page; `UsageError` with what the server said if it refuses."""
    found: list[Any] = []
    params: dict[str, Any] = {}
    while True:
        answer = await _asked(server, "tools/list", params)
        failed = _error(answer)
        if failed:
            raise UsageError(f"The server refused: {failed['type']}: {failed['message']}")
        found += answer["result"].get("tools", [])
        cursor = answer["result"].get("nextCursor")
        if not isinstance(cursor, str):
            return found
        params = {"cursor": cursor}


async def _asked(server: Server, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The JSON-RPC answer of one request of the newest revision."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": _META}}
    answers: list[bytes] = []

    async def write(message: bytes) -> None:
        answers.append(message)

    async def lines() -> AsyncIterator[bytes]:
        yield json.dumps(asked).encode()

    http = HttpClient(
        limits=Limits(),
        private_hosts=(host_and_port(URL(server.url)),),
        user_agent=f"mcpassport-cli/{__version__}",
    )
    try:
        await Bridge(server, http, write).run(lines())
    finally:
        await http.close()
    found: dict[str, Any] = json.loads(answers[-1])
    return found


def _error(answer: dict[str, Any]) -> dict[str, Any] | None:
    """The envelope of a failed call, wherever the channel puts it."""
    error = answer.get("error")
    if error is not None:
        data = error.get("data")
        told = data if isinstance(data, dict) else {}
        return {"type": f"JSON-RPC {error['code']}", "message": error["message"], **told}
    result = answer.get("result", {})
    if not result.get("isError"):
        return None
    return {"type": "tool error", "message": "", **result.get("_meta", {}).get(_ENVELOPE, {})}


_ENVELOPE = "mcpassport/error"


def _print(answer: dict[str, Any], failed: dict[str, Any] | None) -> None:
    if failed:
        console.print(f"[bold red]{escape(failed['type'])}[/bold red]: {escape(failed['message'])}")
        if failed["type"] == "unknown_tool":
            console.print("`mcpassport tool why-not NAME ...` says why.", style="dim")
    result = answer.get("result", {})
    for block in result.get("content", []):
        console.print(escape(str(block.get("text", f"({block.get('type')})"))))
    for note in result.get("_meta", {}).get("mcpassport/notes", []):
        console.print(f"[bold]note[/bold]: {escape(note)}")
