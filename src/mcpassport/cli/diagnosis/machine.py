"""What this machine does with a process: clock, core dumps, swap, open files."""

import ctypes
import resource
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mcpassport.cli.diagnosis.finding import Diagnosis
from mcpassport.settings import Settings

SKEW_S: Final = 60
SPARE: Final = 256
"""Descriptors beside connections and upstream requests."""
_UNSYNCHRONISED: Final = 5
"""`TIME_ERROR` of adjtimex(2)."""
_TIMEX_BYTES: Final = 256
_HONOURS_LIMITS: Final = ("systemd-coredump", "apport")
"""Handlers of core dumps that keep none where the limit is 0 (core(5): the kernel itself hands a
dump to a program whatever the limit)."""
CORE_PATTERN: Final = Path("/proc/sys/kernel/core_pattern")
SWAPS: Final = Path("/proc/swaps")


def clock(settings: Settings) -> Diagnosis:
    """Expiry, retention and audit rows are decided by it."""
    now = datetime.now(UTC)
    newest = _newest(settings.data_dir)
    if newest is not None and newest - now.timestamp() > SKEW_S:
        written = datetime.fromtimestamp(newest, UTC)
        return Diagnosis(
            "clock",
            "bad",
            f"it is {now:%Y-%m-%d %H:%M} UTC here, but files were written {written:%Y-%m-%d %H:%M}",
            "set the clock: expiry is decided by it",
        )
    if _state_of_the_clock() == _UNSYNCHRONISED:
        return Diagnosis(
            "clock", "warn", "the kernel does not know it to be synchronised", "run an NTP client"
        )
    return Diagnosis("clock", "good", f"{now:%Y-%m-%d %H:%M} UTC")


def _newest(folder: Path) -> float | None:
    if not folder.is_dir():
        return None
    return max((path.lstat().st_mtime for path in folder.iterdir()), default=None)


def _state_of_the_clock() -> int:
    """What adjtimex(2) says when it is asked and told nothing; -1 where there is none."""
    asking = getattr(ctypes.CDLL(None), "adjtimex", None)
    return -1 if asking is None else int(asking(ctypes.create_string_buffer(_TIMEX_BYTES)))


def core_dumps(_settings: Settings) -> Diagnosis:
    """A core dump would hold credentials and payloads; workers set their limit to 0."""
    pattern = CORE_PATTERN.read_text().strip() if CORE_PATTERN.exists() else ""
    if pattern.startswith("|") and not any(name in pattern for name in _HONOURS_LIMITS):
        program = pattern[1:].split(" ")[0]
        return Diagnosis(
            "core dumps",
            "warn",
            f"the kernel hands them to {program}, whatever our limit says",
            "see that it keeps none of ours, or set kernel.core_pattern to a file name",
        )
    return Diagnosis("core dumps", "good", "off: every worker sets its limit to 0")


def swap(_settings: Settings) -> Diagnosis:
    """Memory that is swapped out is on a disk."""
    lines = SWAPS.read_text().splitlines()[1:] if SWAPS.exists() else []
    if lines:
        return Diagnosis(
            "swap",
            "warn",
            f"{lines[0].split()[0]}: memory may reach it",
            "encrypt it, or switch it off: credentials are in memory while a call runs",
        )
    return Diagnosis("swap", "good", "none")


def open_files(settings: Settings) -> Diagnosis:
    """Each connection needs a descriptor, here and to the upstream."""
    limits = settings.limits
    wanted = limits.connections + limits.in_flight_process + SPARE
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        return Diagnosis(
            "open files",
            "warn",
            f"at most {hard}, but limits.connections needs {wanted}",
            "LimitNOFILE in the unit, or ulimit -Hn",
        )
    return Diagnosis("open files", "good", f"room for {wanted}")


MACHINE: tuple[Callable[[Settings], Diagnosis], ...] = (*(clock, core_dumps, swap, open_files),)
