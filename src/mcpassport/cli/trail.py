"""Pulls a chain, oldest row first, into a file, and verifies each row on the way.

1. Rows are asked for after the last one in the file, so nothing is there twice.
2. Each must follow the row before it, by sequence and by hash. One that does not is told at once,
   and written all the same: who reads the file must not go without the rows that come later.
3. A deployment that does not answer is asked again, ever more slowly; the file stays as it is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from rich.markup import escape

from mcpassport.audit.chain import FIRST_SEQUENCE, Broken, verify
from mcpassport.audit.export import from_lines
from mcpassport.cli.client import PAGE, Api, ApiProblem
from mcpassport.cli.output import errors
from mcpassport.cli.trailfile import TrailFile
from mcpassport.errors import StoreUnavailable, UsageError
from mcpassport.records.audit import ChainedRow, Checkpoint
from mcpassport.store.protocol import GENESIS

T = TypeVar("T")
ROWS: Final = 2_000
"""Rows of one request."""
PASSING: Final = frozenset({0, 429, 500, 502, 503, 504})
"""Statuses that a later request may not meet; 0: no answer at all."""
LONGEST_WAIT_S: Final = 60
TRIES: Final = 6
Sleep = Callable[[float], Awaitable[None]]


class Source(NamedTuple):
    """Where a chain is read: the address of its rows, and the tenant if one is named."""

    path: str
    tenant: str | None = None

    def query(self, **more: Any) -> dict[str, Any]:
        """A query, oldest row first."""
        home = {} if self.tenant is None else {"tenant": self.tenant}
        return {**home, "oldest_first": "true", **more}


class Puller:
    """Appends what is new to the file. `rows` were written so far, `broken` is the first fault."""

    def __init__(
        self,
        api: Api,
        source: Source,
        file: TrailFile,
        *,
        tries: int | None = TRIES,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`tries` is how often one thing is asked for before giving up; None: for ever."""
        self._api = api
        self._source = source
        self._file = file
        self._tries = tries
        self._sleep = sleep
        self.rows = 0
        self.broken: Broken | None = None

    async def newest(self) -> int:
        """The sequence of the newest row. Unless it follows, a wrong address is told at once."""
        query = {**self._source.query(limit=1), "oldest_first": "false"}

        async def ask() -> Any:
            return await self._api.call("GET", self._source.path, query=query)

        page = await (self._patiently(ask) if self._tries is None else ask())
        return int(page["result"][0]["sequence"]) if page["result"] else 0

    async def pull(self, progress: Callable[[int], None] = lambda _: None) -> None:
        """Write rows and checkpoints until an answer brings no more; `progress` hears of each."""
        while found := await self._patiently(self._rows):  # 1
            place = self._file.place
            if place.chain not in {None, found[0].chain}:
                raise UsageError(
                    f"{self._file.path} holds the chain of {place.chain!r}; name a new file."
                )
            previous, sequence = place.digest, place.sequence + 1
            if place.sequence < FIRST_SEQUENCE < found[0].sequence:
                found, previous = await self._begun_late(found)
                if not found:
                    continue
                sequence = found[0].sequence
            self._check(verify(found, previous=previous, sequence=sequence))  # 2
            self._file.write(found)
            self.rows += len(found)
            await self._sign()
            progress(self._file.place.sequence)
        await self._sign()

    def _check(self, broken: Broken | None) -> None:
        """Tell of the first fault; one right behind the file's end means another chain."""
        if broken is None or self.broken is not None:
            return
        last = self._file.place.sequence
        if self.rows == 0 and last and broken.sequence == last + 1:
            raise UsageError(
                f"{self._file.path}: nothing follows its last row, {last}: {broken.reason}. "
                "Retention removed what did, or it is of another deployment. Name a new file."
            )
        self.broken = broken
        errors.print(f"[bold red]not whole[/bold red]: at row {broken.sequence}, {broken.reason}.")

    async def _begun_late(self, found: list[ChainedRow]) -> tuple[list[ChainedRow], bytes]:
        """The first rows that retention left, and the hash before them, as it was signed.

        Retention may go on between the two questions; then the rows are asked for again.
        """
        while found:
            before = found[0].sequence - 1
            query = self._source.query(cursor=before - 1, limit=1)
            signed = await self._checkpoints(query)
            if signed and signed[0].sequence == before:
                return found, bytes.fromhex(signed[0].hash)
            again = await self._patiently(self._rows)
            if again and again[0].sequence == found[0].sequence:
                self._check(Broken(before, "the rows up to here are gone, and nothing signs this"))
                return again, GENESIS
            found = again
        return [], GENESIS

    async def _rows(self) -> list[ChainedRow]:
        place = self._file.place
        query = self._source.query(format="ndjson", limit=ROWS, cursor=place.sequence)
        text = await self._api.text(self._source.path, query=query)
        try:
            return from_lines(text)
        except ValueError:
            detail = "The answer is no export of an audit trail; is --url a deployment's root?"
            raise ApiProblem(400, {"type": "unexpected_answer", "detail": detail}) from None

    async def _sign(self) -> None:
        """Write the checkpoints of rows that are in the file; later ones come with their rows."""
        if self._file.form == "csv":
            return
        while True:
            place = self._file.place
            found = await self._checkpoints(self._source.query(limit=PAGE, cursor=place.signed))
            covered = [item for item in found if item.sequence <= place.sequence]
            if covered:
                self._file.sign(covered)
            if len(covered) < PAGE:
                return

    async def _checkpoints(self, query: dict[str, Any]) -> list[Checkpoint]:
        path = f"{self._source.path}/checkpoint"
        page = await self._patiently(lambda: self._api.call("GET", path, query=query))
        return [msgspec.convert(item, Checkpoint) for item in page["result"]]

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer, asked for again (3) while what stands in the way may pass."""
        tried = 0
        while True:
            try:
                answer = await ask()
            except (ApiProblem, StoreUnavailable) as error:
                tried += 1
                if not _may_pass(error) or tried == self._tries:
                    raise
                wait = _wait(error, tried)
                errors.print(f"{escape(_told(error))} Trying again in {wait} s.")
                await self._sleep(wait)
            else:
                if tried:
                    errors.print(f"Going on after row {self._file.place.sequence}.")
                return answer


def _may_pass(error: ApiProblem | StoreUnavailable) -> bool:
    return isinstance(error, StoreUnavailable) or error.status in PASSING


def _wait(error: ApiProblem | StoreUnavailable, tried: int) -> int:
    """Seconds: doubled each time, and at least what the deployment asks for."""
    wait = min(1 << min(tried - 1, 10), LONGEST_WAIT_S)
    retry = error.document.get("retry") if isinstance(error, ApiProblem) else None
    asked = retry.get("after_seconds") if isinstance(retry, dict) else None
    return max(wait, min(asked, LONGEST_WAIT_S)) if isinstance(asked, int) else wait


def _told(error: ApiProblem | StoreUnavailable) -> str:
    return str(error) if isinstance(error, ApiProblem) else "The store cannot be read."
