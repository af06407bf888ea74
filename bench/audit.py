"""Measures the audit trail: appending, finding rows in a long chain, exporting, verifying."""

import argparse
import asyncio
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from mcpassport.audit.chain import link
from mcpassport.audit.checkpoint import SigningKey, fingerprint_of
from mcpassport.audit.export import as_lines, checkpoint_line
from mcpassport.audit.query import Walk, Wanted, find
from mcpassport.audit.segments import Segmenter
from mcpassport.audit.verification import verify_file
from mcpassport.records.audit import AuditRow
from mcpassport.store import open_audit
from mcpassport.store.protocol import AuditStore, Pending

ROOT: Final = Path(__file__).parents[1]
CHAIN: Final = "acme"
START: Final = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS: Final = 256
"""Calls that share a commit."""
PAGE: Final = 50
TURNS: Final = 15
SIGNED_EVERY: Final = 50_000
KEY: Final = SigningKey(bytes(32))
SERVERS: Final = [f"srv_{number:040x}" for number in range(200)]
TOOLS: Final = [f"get_single_acme_thing{number}_by_id" for number in range(40)]
RARE: Final = "srv_rare"
_STDERR: Final = Console(stderr=True)
_encode = msgspec.json.Encoder().encode


def calls(count: int) -> Iterator[tuple[AuditRow, AuditRow]]:
    """Intent and outcome of so many calls; one in 1,000 fails, and one server is called once."""
    rng = random.Random(1)  # noqa: S311  # the same rows in every run
    for number in range(count):
        share = rng.random() ** 2  # few servers and tools get most calls
        ts = START + timedelta(milliseconds=100 * number)
        intent = AuditRow(
            ts=ts,
            phase="intent",
            request_id=request_id(number),
            tenant=CHAIN,
            account="acc_" + "0" * 40,
            server=RARE if number == count // 3 else SERVERS[int(share * len(SERVERS))],
            integration="acme@3",
            rpc_method="tools/call",
            tool=TOOLS[int(share * len(TOOLS))],
            resource="things",
            method="get",
            decision="allow",
            bytes_in=180,
            api_token_id="tok_" + "1" * 40,
            factors=("api_token",),
            client_name="agent",
            client_version="1.2.3",
            protocol_version="2026-07-28",
            fingerprint=sha256(b"arguments %d" % number).hexdigest(),
            tool_digest="a" * 64,
            surface_digest="b" * 64,
            process="0" * 24,
        )
        outcome = msgspec.structs.replace(
            intent,
            ts=ts + timedelta(milliseconds=9),
            phase="outcome",
            decision="",
            outcome="ok" if (number + 1) % 1000 else "upstream_failed",
            http_status=200,
            upstream_status=200,
            duration_ms=9,
            upstream_ms=7,
            bytes_out=900,
        )
        yield intent, outcome


def request_id(number: int) -> str:
    """As random as a real one."""
    return "req_" + sha256(b"%d" % number).hexdigest()[:32]


def questions(count: int) -> dict[str, tuple[Wanted, Walk]]:
    """What is asked of the chain of so many rows, by name."""
    newest = Walk(newest_first=True)
    middle = count // 4
    since = START + timedelta(milliseconds=100 * middle)
    one = (("request_id", request_id(middle)),)
    quiet = (("outcome", "upstream_failed"), ("tool", TOOLS[-1]))
    return {
        "newest": (Wanted(), newest),
        "from the middle": (Wanted(), Walk(count // 2, newest_first=True)),
        "one phase": (Wanted((("phase", "intent"),)), newest),
        "one tool": (Wanted((("tool", TOOLS[0]),)), newest),
        "failed calls (1 in 1,000)": (Wanted((("outcome", "upstream_failed"),)), newest),
        "one request": (Wanted(one), newest),
        "one request, oldest first": (Wanted(one), Walk()),
        "a request that never was": (Wanted((("request_id", "req_x"),)), newest),
        "a server called once": (Wanted((("server", RARE),)), newest),
        "failed calls of a rare tool": (Wanted(quiet), newest),
        "a second in the middle": (Wanted((), since, since + timedelta(seconds=1)), newest),
        "two values that never meet": (
            Wanted((("phase", "intent"), ("outcome", "ok"))),
            newest,
        ),
    }


async def fill(audit: AuditStore, rows: int) -> float:
    """Append them as the log does, many calls a commit; rows per second."""
    started = time.perf_counter()
    batch: list[Pending] = []
    with Progress(console=_STDERR, transient=True) as progress:
        task = progress.add_task("appending", total=rows)
        for number, (intent, outcome) in enumerate(calls(rows // 2), start=1):
            batch.append(Pending(CHAIN, _encode(intent), opens=intent.request_id))
            batch.append(Pending(CHAIN, _encode(outcome), closes=intent.request_id))
            if number % GROUPS == 0 or 2 * number == rows:
                await audit.append(batch, link)
                progress.update(task, advance=len(batch))
                batch = []
    return rows / (time.perf_counter() - started)


async def timed(audit: AuditStore, wanted: Wanted, walk: Walk) -> dict[str, Any]:
    """The first page over and over; then how many pages hold the first 50 rows, or all."""
    taken: list[float] = []
    used = time.process_time()
    for _ in range(TURNS):
        started = time.perf_counter()
        page = await find(audit, CHAIN, wanted, walk, limit=PAGE)
        taken.append(1000 * (time.perf_counter() - started))
    used = (time.process_time() - used) / TURNS
    found, pages = len(page.rows), 1
    while found < PAGE and page.following is not None:
        walk = walk._replace(after=page.following)
        page = await find(audit, CHAIN, wanted, walk, limit=PAGE)
        found, pages = found + len(page.rows), pages + 1
    return {
        "cpu_ms": round(1000 * used, 2),
        "best_ms": round(min(taken), 2),
        "p50_ms": round(statistics.median(taken), 2),
        "max_ms": round(max(taken), 2),
        "rows": min(found, PAGE),
        "pages": pages,
    }


async def export(audit: AuditStore, path: Path) -> float:
    """Write the chain as the API streams it; rows per second."""
    started, rows, after = time.perf_counter(), 0, 0
    with path.open("wb") as file:
        while batch := await audit.rows(CHAIN, after=after, limit=500):
            file.write(as_lines(batch))
            rows, after = rows + len(batch), batch[-1].sequence
            if after % SIGNED_EVERY == 0:
                file.write(checkpoint_line(KEY.sign(batch[-1], START)))
        file.write(checkpoint_line(KEY.sign((await audit.rows(CHAIN, after=after - 1))[0], START)))
    return rows / (time.perf_counter() - started)


def verified(path: Path) -> dict[str, Any]:
    """Verify in a process of its own, for its memory; rows per second, and its peak in MB."""
    command = [sys.executable, __file__, "--verify", str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # ours
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def verify(path: Path) -> dict[str, Any]:
    """What that process does."""
    started, used = time.perf_counter(), time.process_time()
    verdict = verify_file(path, fingerprint_of(KEY.public))
    return {
        "whole": verdict.broken is None,
        "rows": verdict.rows,
        "anchored_through": verdict.anchored,
        "rows_per_s": round(verdict.rows / (time.perf_counter() - started)),
        "rows_per_cpu_s": round(verdict.rows / (time.process_time() - used)),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


async def measure(url: str, rows: int, folder: Path) -> dict[str, Any]:
    """Everything over one store."""
    audit = open_audit(url)
    try:
        appended = await fill(audit, rows)
        started = time.perf_counter()
        segments = await Segmenter(audit).extend()
        made = time.perf_counter() - started
        found = {name: await timed(audit, *ask) for name, ask in questions(rows).items()}
        path = folder / "audit.ndjson"
        exported = await export(audit, path)
    finally:
        await audit.close()
    return {
        "rows": rows,
        "appended_rows_per_s": round(appended),
        "segments": segments,
        "segmented_rows_per_s": round(rows / made),
        "questions": found,
        "exported_rows_per_s": round(exported),
        "verify": verified(path),
    }


@contextmanager
def stores(arguments: argparse.Namespace, folder: Path) -> Iterator[dict[str, str]]:
    """Name -> URL. PostgreSQL is the one named, else one of the tests' own."""
    urls = {"sqlite": f"sqlite:///{folder}", "postgresql": arguments.postgres_url}
    server = None
    if "postgresql" in arguments.stores and not arguments.postgres_url:
        sys.path.insert(0, str(ROOT))
        from tests.support.postgres import PostgresServer  # noqa: PLC0415  # of the checkout

        server = PostgresServer().start()
        urls["postgresql"] = server.url
    try:
        yield {name: urls[name] for name in arguments.stores}
    finally:
        if server is not None:
            server.remove()


def show(results: dict[str, Any]) -> None:
    """Tables for people."""
    console = Console(width=None if sys.stdout.isatty() else 140)
    rates = Table("store", "rows", "appended/s", "segmented/s", "exported/s", "verified/s", "peak")
    for name, result in results.items():
        check = result["verify"]
        rates.add_row(
            name,
            *(
                f"{result[member]:,}"
                for member in (
                    *("rows", "appended_rows_per_s"),
                    *("segmented_rows_per_s", "exported_rows_per_s"),
                )
            ),
            f"{check['rows_per_s']:,}",
            f"{check['peak_mb']} MB",
        )
    console.print(rates)
    asked = Table(
        "question, first page of 50", *(f"{name}: best / p50 / max ms" for name in results)
    )
    asked.add_column("rows")
    asked.add_column("pages")
    for question in next(iter(results.values()))["questions"]:
        each = [result["questions"][question] for result in results.values()]
        times = (
            f"{one['cpu_ms']} / {one['best_ms']} / {one['p50_ms']} / {one['max_ms']}"
            for one in each
        )
        asked.add_row(question, *times, str(each[0]["rows"]), str(each[0]["pages"]))
    console.print(asked)


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the chain")
    parser.add_argument(
        "--stores", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"]
    )
    parser.add_argument("--postgres-url", help="an empty database; absent: a server is started")
    parser.add_argument("--out", type=Path, help="write the results as JSON too")
    parser.add_argument("--verify", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.verify:
        print(json.dumps(verify(arguments.verify)))
        return
    arguments.rows = max(2, arguments.rows - arguments.rows % 2)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, stores(arguments, Path(name)) as urls:
        for store, url in urls.items():
            results[store] = asyncio.run(measure(url, arguments.rows, Path(name)))
    show(results)
    if arguments.out:
        arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
