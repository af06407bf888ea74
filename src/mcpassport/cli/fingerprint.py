"""`mcpassport audit fingerprint`: recompute a call's fingerprint, with the key and nothing else."""

import re
import sys
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from cyclopts.types import PositiveInt

from mcpassport.audit.export import as_dict
from mcpassport.audit.fingerprint import fingerprint as compute
from mcpassport.audit.fingerprint import rows_with
from mcpassport.cli.options import Flag
from mcpassport.cli.output import FOUND, OK, console, print_json, print_table
from mcpassport.errors import UsageError

STDIN = Path("-")
_KEY = re.compile(r"[0-9a-fA-F]{64}")


def fingerprint(  # `arguments` would read as a section of the docstring
    arguments: Annotated[
        Path | None,
        Parameter(
            help="file with the `arguments` of the call, a JSON object ({} if it had none); "
            "absent: standard input"
        ),
    ] = None,
    *,
    key_file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    export: Annotated[Path | None, Parameter(name="--in")] = None,
    limit: PositiveInt = 50,
    json: Flag = False,
) -> int:
    """Compute the fingerprint that stands in the rows of a call with these arguments.

    Works offline. With --in, exit code 1 if no row has it.

    Parameters
    ----------
    key_file
        File with the key that `tenant fingerprint-key` disclosed; - reads standard input.
    export
        What `audit export` wrote as NDJSON: list the rows that have this fingerprint.
    limit
        With --in: how many rows to list, the oldest first.
    json
        Print JSON for scripts.
    """
    if arguments is None and key_file == STDIN:
        raise UsageError("Standard input holds either the key or the arguments; name a file.")
    found = compute(_key(key_file), _arguments(arguments or STDIN))
    rows = None if export is None else _rows(export, found, limit)
    if json:
        print_json({"fingerprint": found, "rows": rows})
    else:
        console.print(found)
        if rows is not None:
            columns = {"sequence": "sequence", "time": "ts", "phase": "phase", "tool": "tool",
                       "request": "request_id"}  # fmt: skip
            print_table("Rows", columns, rows, "No row has it.")
    return FOUND if rows == [] else OK


def _text(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None


def _named(file: Path) -> str:
    return "Standard input" if file == STDIN else str(file)


def _key(file: Path) -> bytes:
    text = _text(file).decode(errors="replace").strip()
    if not _KEY.fullmatch(text):
        raise UsageError(f"{_named(file)} does not hold a fingerprint key: 64 hexadecimal digits.")
    return bytes.fromhex(text)


def _arguments(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(_text(file), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise UsageError(
            f"{_named(file)} is not a JSON object, as `arguments` of a call is."
        ) from None


def _rows(export: Path, found: str, limit: int) -> list[dict[str, Any]]:
    try:
        return [as_dict(row) for row in islice(rows_with(export, found), limit)]
    except OSError as error:
        raise UsageError(f"{export}: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"{export}: {error}; give what `audit export` wrote as NDJSON.") from None
