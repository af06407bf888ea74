"""The machine under the bench: its cores, and what a tree of processes costs."""

import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

_TICK: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")
_CORES: Final = sorted(os.sched_getaffinity(0))
LOAD_CORE: Final = _CORES[0]
SERVER_CORE: Final = _CORES[-1]
"""With two cores the server has one of its own; load and upstream share the other."""


def pinned(command: list[str], core: int) -> list[str]:
    """The command, confined to that core."""
    return ["taskset", "-c", str(core), *command]


class Cost(NamedTuple):
    """What a tree of processes has used: CPU seconds so far, memory in MB now."""

    cpu_s: float
    memory_mb: float


def cost_of(pid: int) -> Cost:
    """CPU and proportional memory of a process and everything below it."""
    tree = list(_tree(pid))
    return Cost(sum(map(_cpu, tree)), sum(map(_memory, tree)))


def busy_share(seconds: float = 1.0) -> float:
    """Which share of all cores others use now: a run on a busy machine says so."""
    before = _times()
    time.sleep(seconds)
    after = _times()
    total = sum(after) - sum(before)
    return round(1 - (after[3] + after[4] - before[3] - before[4]) / max(total, 1), 3)


def facts() -> dict[str, Any]:
    """What a reader must know of the machine to place the figures."""
    lines = (_PROC / "cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    memory = (_PROC / "meminfo").read_text().split()[1]
    return {
        "cpu": model,
        "cores": len(_CORES),
        "memory_gb": round(int(memory) / 2**20, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "server_core": SERVER_CORE,
        "load_core": LOAD_CORE,
    }


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _tree(int(child))


def _cpu(pid: int) -> float:
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def _memory(pid: int) -> float:
    try:
        text = (_PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return 0.0
    return (
        next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1024
    )


def _times() -> list[int]:
    return [int(value) for value in (_PROC / "stat").read_text().split("\n")[0].split()[1:]]
