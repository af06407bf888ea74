"""Deletion reports: printed, written as they were signed, and checked."""

from pathlib import Path
from typing import Any

import msgspec

from mcpassport.audit.deletion import report_problem
from mcpassport.cli.output import FOUND, stop, tell_object
from mcpassport.errors import UsageError
from mcpassport.records.deletion import DeletionReport


def tell_report(report: dict[str, Any], out: Path | None, *, json: bool) -> None:
    """Print a report, and write it where `out` says."""
    if out is not None:
        try:
            out.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}.") from None
    tell_object(report, json=json)


def read_report(file: Path) -> DeletionReport:
    """The report in that file; `UsageError` if it holds none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=DeletionReport)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    except msgspec.MsgspecError:
        raise UsageError(f"{file} holds no deletion report.") from None


def tell_verified(report: DeletionReport, fingerprint: str, *, json: bool) -> None:
    """Say whether the deployment with that operations key signed it; exit code 1 if not."""
    problem = report_problem(report, fingerprint)
    found = {
        "tenant": report.tenant,
        "finished_at": report.finished_at.isoformat(),
        "verified": not problem,
        "problem": problem or None,
    }
    tell_object(found, json=json)
    if problem:
        stop(FOUND)
