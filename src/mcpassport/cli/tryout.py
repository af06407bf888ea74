"""`mcpassport integration try`: one method on one account, stage by stage."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.markup import escape

from mcpassport.cli.client import segment
from mcpassport.cli.integration import load_usable
from mcpassport.cli.options import DEFAULTS, Flag, Options
from mcpassport.cli.output import FOUND, OK, console, print_json
from mcpassport.errors import UsageError


async def try_out(  # `args` would read as a section of the docstring
    method: str,
    *,
    account: str,
    args: Annotated[str, Parameter(help="the tool's arguments as a JSON object")] = "{}",
    folder: Path | None = None,
    dry_run: Flag = False,
    options: Options = DEFAULTS,
) -> int:
    """Try RESOURCE.METHOD on an account: the masked request, then the real call stage by stage.

    Parameters
    ----------
    method
        RESOURCE.METHOD, such as contacts.list.
    account
        The account's id.
    folder
        Try this folder's content instead of the live version.
    dry_run
        Show the request and stop before sending it.
    """
    resource, dot, name = method.partition(".")
    if not dot:
        raise UsageError(f"Write RESOURCE.METHOD, such as contacts.list; got {method!r}.")
    try:
        arguments = msgspec.json.decode(args, type=dict[str, Any])
    except msgspec.DecodeError:
        raise UsageError("--args is not a JSON object.") from None
    body = {"resource": resource, "method": name, "args": arguments}
    content = {} if folder is None else load_usable(folder).content
    path = f"/integrated-account/{segment(account)}/try"
    async with options.api() as api:
        planned = await api.call("POST", path, body={**body, **content, "dry_run": True})
        if not options.json:
            _print_request(planned)
        if dry_run:
            document = planned
        else:
            document = await api.call("POST", path, body={**body, **content})
    if options.json:
        print_json(document)
    elif not dry_run:
        _print_answer(document)
    return FOUND if document.get("error") else OK


def _print_request(planned: dict[str, Any]) -> None:
    request = planned["request"]
    console.print(f"[bold]Tool[/bold]      {escape(planned['tool'])}")
    console.print(f"[bold]Request[/bold]   {request['method']} {escape(request['url'])}")
    for header, value in request["headers"].items():
        console.print(f"          {escape(header)}: {escape(value)}")
    if request["body"]:
        console.print(f"          {escape(request['body'])}")


def _print_answer(document: dict[str, Any]) -> None:
    response = document["response"]
    if response is not None:
        console.print(f"[bold]Response[/bold]  {response['status']}, {response['bytes']} bytes, "
                      f"{document['upstream_ms']} ms")  # fmt: skip
        for header, value in response["headers"].items():
            console.print(f"          {escape(header)}: {escape(value)}", style="dim")
        console.print(f"          {escape(response['body'])}", style="dim")
    for told in document["progress"]:
        _print_progress(told)
    if document["ratelimit"]:
        console.print(f"[bold]Limits[/bold]    {escape(str(document['ratelimit']))}")
    for note in document["notes"]:
        console.print(f"[bold]Note[/bold]      {escape(note)}")
    if document["error"]:
        error = document["error"]
        console.print(f"[bold red]Error[/bold red]     {error['type']}: {escape(error['message'])}")
        return
    for block in document["content"]:
        _print_block(block)
    if document["result"] is not None or not document["content"]:
        console.print("[bold]Result[/bold]")
        text = msgspec.json.format(msgspec.json.encode(document["result"]), indent=2).decode()
        console.print(escape(text))


def _print_progress(told: dict[str, Any]) -> None:
    far = f"{told['progress']:g}" + (f" of {told['total']:g}" if told["total"] else "")
    said = f", {escape(told['message'])}" if told["message"] else ""
    console.print(f"[bold]Progress[/bold]  {far}{said} ({told['after_ms']} ms)")


def _print_block(block: dict[str, Any]) -> None:
    about = (block.get("mime_type"), block.get("uri"), f"{block['bytes']} bytes")
    said = ", ".join(text for text in about if text)
    console.print(f"[bold]Block[/bold]     {block['type']}: {escape(said)}")
    for line in block.get("text", "").splitlines():
        console.print(f"          {escape(line)}")
