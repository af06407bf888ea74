"""`mcpassport reference releases`, `diff`, `check`: what was published, and what has changed."""

from pathlib import Path
from typing import Any

import msgspec
from msgspec import to_builtins

from mcpassport.cli.client import Api, segment
from mcpassport.cli.options import DEFAULTS, Options
from mcpassport.cli.output import FOUND, OK, console, print_json, print_table, tell_rows
from mcpassport.cli.reference import from_folder
from mcpassport.errors import UsageError
from mcpassport.records.release import ReferenceChange
from mcpassport.reference.changes import changes_between
from mcpassport.reference.document import Document

_CHANGES = {"Level": "level", "Of": "subject", "Name": "name", "Change": "text"}


async def releases(name: str, *, options: Options = DEFAULTS) -> None:
    """List the releases of a reference, the newest first.

    Parameters
    ----------
    name
        The integration.
    """
    async with options.api() as api:
        found = await _releases(api, name)
    columns = {"Release": "number", "State": "state", "Published": "published_at", "URL": "url"}
    empty = "No release yet: `mcpassport reference publish` makes the first."
    tell_rows(f"Releases of {name}", columns, found["releases"], empty, json=options.json)


async def diff(a: str, b: str, *, of: str | None = None, options: Options = DEFAULTS) -> None:
    """What changed from one reference to another, breaking changes first.

    Parameters
    ----------
    a
        The older one: a reference.json, or with --of the number of a release.
    b
        The newer one, likewise; with --of also `current`, the build that would be published now.
    of
        The integration whose releases the numbers mean.
    """
    if of is None:
        before, after = _file(Path(a)), _file(Path(b))
    else:
        async with options.api() as api:
            before, after = await _release(api, of, a), await _release(api, of, b)
    changes = changes_between(before, after)
    tell_rows(f"{a} to {b}", _CHANGES, to_builtins(changes), "Nothing changed.", json=options.json)


async def check(source: str, *, against: Path | None = None, options: Options = DEFAULTS) -> int:
    """Exit with 1 when what was published is no longer what there is: a gate for CI.

    Parameters
    ----------
    source
        Name of a pushed integration, or an integration's folder.
    against
        The published reference.json; for a folder only.
    """
    folder = Path(source)
    if folder.is_dir():
        if against is None:
            raise UsageError("Say what to compare the folder with: --against reference.json.")
        before, after = _file(against), from_folder(folder, None, None, options)
        return _judge(source, changes_between(before, after), options)
    if against is not None:
        raise UsageError("--against goes with a folder; a deployment knows its releases.")
    async with options.api() as api:
        newest = (await _releases(api, source))["published"]
        if newest is None:
            if options.json:
                print_json({"published": None, "changes": []})
            else:
                console.print(f"No release of {source} is published.")
            return FOUND
        before, after = (
            await _release(api, source, newest),
            await _release(api, source, "current"),
        )
    return _judge(source, changes_between(before, after), options)


def _judge(name: str, changes: tuple[ReferenceChange, ...], options: Options) -> int:
    """Wording is no drift; what is known of a claim here and there is the evidence's matter."""
    told = [each for each in changes if each.level != "patch" and each.subject != "claim"]
    if options.json:
        print_json({"changes": to_builtins(told)})
    else:
        empty = f"What is published of {name} is what there is."
        print_table(f"Not published yet: {name}", _CHANGES, to_builtins(told), empty)
    return FOUND if told else OK


async def _releases(api: Api, name: str) -> Any:
    return await api.call("GET", f"/reference/{segment(name)}/releases.json")


async def _release(api: Api, name: str, number: str) -> Document:
    path = "current.json" if number == "current" else f"{segment(number)}/reference.json"
    document = await api.call("GET", f"/reference/{segment(name)}/{path}")
    return msgspec.convert(document, Document)


def _file(path: Path) -> Document:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Document)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise UsageError(f"{path} is no reference.json of this version.") from None
