"""What the product leaves behind: its files, what it has open, its output, its metrics.

Looked for are both halves of each secret's longest run of letters and digits, in every form that
`scan` knows: a page of a database that cuts a secret leaves one half whole.
"""

import base64
import gzip
import re
import sqlite3
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mcpassport.evidence.bench import Bench
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.processes import open_for_writing
from mcpassport.evidence.scan import files_below, found_in, halves

Spell = Callable[[str], bytes]
SPELLINGS: Final[Mapping[str, Spell]] = {
    "raw": str.encode,
    "base64": lambda text: base64.b64encode(b"x" + text.encode()),
    "url": lambda text: urllib.parse.quote(text, safe="").encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
}
"""The forms in which secrets are planted, each in a file of its own, and each in a database."""
METRICS: Final = "/metrics"
_RUN: Final = re.compile("[0-9A-Za-z]+")


@dataclass
class Traces:
    """Where each secret was found, by its name, and where was looked."""

    found: dict[str, set[str]] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    size: int = 0

    def look(self, place: str, text: bytes, secrets: Mapping[str, str]) -> None:
        """Search one place."""
        self.places.append(place)
        self.size += len(text)
        by_half = {
            half: name for name, secret in secrets.items() for half in halves(run_of(secret))
        }
        for half in found_in(text, by_half):
            self.found.setdefault(by_half[half], set()).add(place)

    def __str__(self) -> str:
        return f"searched {self.size:,} bytes: {', '.join(sorted(self.places))}"


async def traces_of(bench: Bench, secrets: Mapping[str, str]) -> Traces:
    """Search everything that the product wrote so far."""
    traces, files = Traces(), files_below([bench.sandbox.folder.resolve()])
    for file in files:
        with suppress(FileNotFoundError):  # a journal may go while we look
            traces.look(file.name, file.read_bytes(), secrets)
    read = {str(file) for file in files}
    for process in bench.sandbox.processes:
        for name, file in open_for_writing(process).items():
            with suppress(OSError):
                if name not in read:
                    traces.look(f"open {name}", file.read_bytes(), secrets)
    if bench.sandbox.processes:
        traces.look(METRICS, (await bench.manage("GET", METRICS)).body, secrets)
    return traces


def written_outside(bench: Bench) -> list[str]:
    """Files beyond its folder that the product has open for writing."""
    folder = str(bench.sandbox.folder.resolve())
    return [
        name
        for process in bench.sandbox.processes
        for name in open_for_writing(process)
        if not name.startswith(folder)
    ]


def run_of(secret: str) -> str:
    """The longest run of letters and digits: what is random of a token or a canary."""
    return str(max(_RUN.findall(secret), key=len))


async def leave_no_trace(bench: Bench, finding: Finding, secrets: Mapping[str, str]) -> None:
    """Expect that no secret is found; in full also after a kill and after the start that follows.

    The control: planted in each form, every one of them is found at every place.
    """
    await _search(bench, finding, secrets)
    with _planted(bench.sandbox.folder / "planted", secrets) as places:
        found = (await traces_of(bench, secrets)).found
    finding.control = all(found.get(name, set()) >= places for name in secrets)
    if bench.full:
        await bench.sandbox.kill()
        await _search(bench, finding, secrets, "after the process was killed: ")
        await bench.sandbox.revive()
        await _search(bench, finding, secrets, "after it was started again: ")


async def _search(
    bench: Bench, finding: Finding, secrets: Mapping[str, str], when: str = ""
) -> None:
    traces = await traces_of(bench, secrets)
    finding.note(f"{when}{traces}")
    fact = f"{when}none of {len(secrets)} was found in any form"
    finding.expect(not traces.found, fact, traces.found)


@contextmanager
def _planted(folder: Path, secrets: Mapping[str, str]) -> Iterator[set[str]]:
    """Plant every secret; yields the names of the files that now hold each of them."""
    folder.mkdir()
    try:
        for form, spell in SPELLINGS.items():
            texts = b"\n".join(spell(secret) for secret in secrets.values())
            (folder / f"planted.{form}").write_bytes(texts)
        with closing(sqlite3.connect(folder / "planted.db")) as database:
            database.execute("PRAGMA journal_mode = wal")
            database.execute("CREATE TABLE planted (spelling BLOB)")
            rows = [(spell(each),) for each in secrets.values() for spell in SPELLINGS.values()]
            database.executemany("INSERT INTO planted VALUES (?)", rows)
            database.commit()
            yield {*(f"planted.{form}" for form in SPELLINGS), "planted.db-wal"}
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
