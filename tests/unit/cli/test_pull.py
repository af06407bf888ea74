"""Pulling a chain into a file: what follows what, what passes, and what is told."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.chains import START, bodies, chained

from mcpassport.audit.checkpoint import SigningKey, fingerprint_of
from mcpassport.audit.export import COLUMNS, as_lines
from mcpassport.audit.verification import verify_file
from mcpassport.cli import trail
from mcpassport.cli.client import Api, ApiProblem
from mcpassport.cli.trail import LONGEST_WAIT_S, TRIES, Puller, Source
from mcpassport.cli.trailfile import TrailFile
from mcpassport.errors import StoreUnavailable, UsageError
from mcpassport.records.audit import ChainedRow

KEY = SigningKey(b"k" * 32)
ROWS = chained(bodies(20))
GONE = ApiProblem(0, {"type": "no_answer", "detail": "No usable answer."})


class Deployment(Api):
    """The two routes of a chain, with faults to come before an answer."""

    def __init__(self, rows: list[ChainedRow], signed: tuple[int, ...] = ()) -> None:
        super().__init__(lambda *_: None)  # type: ignore[arg-type]  # never called
        self.kept = rows
        self.signed = [KEY.sign(row, START) for row in rows if row.sequence in signed]
        self.faults: list[Exception] = []
        self.before_rows: Callable[[], None] = lambda: None

    def _fail(self) -> None:
        if self.faults:
            raise self.faults.pop(0)

    async def text(self, path: str, *, query: Any) -> bytes:
        assert (path, query["tenant"], query["format"]) == ("/audit", "acme", "ndjson")
        self._fail()
        self.before_rows()
        found = [row for row in self.kept if row.sequence > query["cursor"]]
        return as_lines(found[: query["limit"]])

    async def call(self, method: str, path: str, *, query: Any = None, **_: Any) -> Any:
        assert (method, path) == ("GET", "/audit/checkpoint")
        self._fail()
        found = [item for item in self.signed if item.sequence > query["cursor"]]
        page = found[: query["limit"]]
        return {"result": msgspec.to_builtins(page), "next_cursor": None}


class Slept(list[float]):
    """A sleep that only remembers."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six rows a request, so that twenty take several."""
    monkeypatch.setattr(trail, "ROWS", 6)


async def pulled(
    api: Deployment, path: Path, *, tries: int | None = TRIES, slept: Slept | None = None
) -> Puller:
    """One export that goes on with the file."""
    with TrailFile(path, "ndjson", COLUMNS, resume=True) as file:
        puller = Puller(
            api,
            Source("/audit", "acme"),
            file,
            tries=tries,
            sleep=Slept() if slept is None else slept,
        )
        await puller.pull()
    return puller


def told(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


async def test_rows_and_checkpoints_come_once_and_verify(tmp_path: Path) -> None:
    """In one export or in several, each row and each checkpoint of a row is in the file once."""
    path = tmp_path / "out"
    api = Deployment(ROWS[:7], signed=(5,))
    assert (await pulled(api, path)).rows == 7
    api.kept, api.signed = ROWS, [KEY.sign(ROWS[n - 1], START) for n in (5, 12, 20)]
    assert (await pulled(api, path)).rows == 13
    assert (await pulled(api, path)).rows == 0
    assert path.read_bytes().count(b'{"checkpoint"') == 3
    verdict = verify_file(path, fingerprint_of(KEY.public))
    assert verdict == ("acme", 20, 1, 20, 20, None)


async def test_a_fault_that_may_pass_is_waited_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each wait is twice the one before, or what the deployment asks for; both ends are told."""
    api, slept = Deployment(ROWS), Slept()
    busy = ApiProblem(503, {"detail": "Busy.", "retry": {"safe": True, "after_seconds": 7}})
    api.faults = [GONE, GONE, busy, StoreUnavailable()]
    puller = await pulled(api, tmp_path / "out", slept=slept)
    assert (slept, puller.rows, puller.broken) == ([1, 2, 7, 8], 20, None)
    text = told(capsys)
    assert "No usable answer. Trying again in 1 s." in text
    assert "Going on after row 0." in text


async def test_waiting_has_an_end_unless_it_follows(tmp_path: Path) -> None:
    """A plain export gives up after a few tries; one that follows never does, once a minute."""
    api, slept = Deployment(ROWS), Slept()
    api.faults = [GONE] * TRIES
    with pytest.raises(ApiProblem):
        await pulled(api, tmp_path / "out", slept=slept)
    assert slept == [1, 2, 4, 8, 16]
    api.faults, slept = [GONE] * 12, Slept()
    assert (await pulled(api, tmp_path / "out", tries=None, slept=slept)).rows == 20
    assert slept == [1, 2, 4, 8, 16, 32, *[LONGEST_WAIT_S] * 6]


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_fault_that_will_not_pass_ends_it(status: int, tmp_path: Path) -> None:
    """A token that was revoked is not tried again."""
    api, slept = Deployment(ROWS), Slept()
    api.faults = [ApiProblem(status, {"detail": "No."})]
    with pytest.raises(ApiProblem):
        await pulled(api, tmp_path / "out", tries=None, slept=slept)
    assert slept == []


async def test_a_fault_in_the_middle_leaves_no_gap_and_nothing_twice(tmp_path: Path) -> None:
    """Whichever request fails, and whether it is tried again or the export is, each row is once."""
    for at in range(8):
        path = tmp_path / f"out{at}"
        api = Deployment(ROWS, signed=(4, 9, 18))
        requests = 0

        def fail(api: Deployment = api, at: int = at) -> None:
            nonlocal requests
            requests += 1
            if requests == at:
                api.faults = [GONE] * (TRIES + 1)
                raise api.faults.pop()

        api.before_rows = fail
        with pytest.raises(ApiProblem) if at in {1, 2, 3, 4, 5} else nullcontext():
            await pulled(api, path)
        api.faults, api.before_rows = [], lambda: None
        await pulled(api, path)
        assert verify_file(path, fingerprint_of(KEY.public)) == ("acme", 20, 1, 20, 18, None)


@pytest.mark.parametrize("body", [b"{}", b"", b"x", b'{"a":1', b"{\n}\r\n", b'"\xff\x00,'])
async def test_a_changed_row_is_told_and_what_comes_later_is_written(
    body: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A reader must not go without later rows because somebody changed an earlier one."""
    changed = [*ROWS[:8], msgspec.structs.replace(ROWS[8], body=body), *ROWS[9:]]
    puller = await pulled(Deployment(changed), tmp_path / "out")
    assert puller.broken is not None
    assert (puller.broken.sequence, puller.rows) == (9, 20)
    assert told(capsys).count("not whole: at row 9") == 1
    verdict = verify_file(tmp_path / "out")
    assert verdict.broken is not None
    assert verdict.broken.sequence == 9


async def test_a_file_of_another_chain_is_left_alone(tmp_path: Path) -> None:
    """Another tenant's, another deployment's, or one that retention has overtaken."""
    path = tmp_path / "out"
    await pulled(Deployment(ROWS[:5]), path)
    before = path.read_bytes()
    for other in (
        chained(bodies(9), "globex"),
        chained(bodies(9, "other")),
        ROWS[7:],
    ):
        with pytest.raises(UsageError, match="ame a new file"):
            await pulled(Deployment(other), path)
        assert path.read_bytes() == before


async def test_a_chain_whose_beginning_is_gone_is_anchored(tmp_path: Path) -> None:
    """Its first row must follow the checkpoint where retention ended, which is in the file too."""
    api = Deployment(ROWS, signed=(8, 15))
    api.kept = ROWS[8:]
    puller = await pulled(api, tmp_path / "out")
    assert puller.broken is None
    verdict = verify_file(tmp_path / "out", fingerprint_of(KEY.public))
    assert verdict == ("acme", 12, 9, 20, 15, None)


async def test_retention_that_goes_on_meanwhile_is_no_fault(tmp_path: Path) -> None:
    """If more is gone by the time the checkpoint is asked for, the rows are asked for again."""
    api = Deployment(ROWS, signed=(15,))
    kept = [ROWS[8:], ROWS[15:]]

    def retire() -> None:
        if kept:
            api.kept = kept.pop(0)

    api.before_rows = retire
    puller = await pulled(api, tmp_path / "out")
    assert puller.broken is None
    verdict = verify_file(tmp_path / "out", fingerprint_of(KEY.public))
    assert verdict == ("acme", 5, 16, 20, 15, None)


async def test_a_chain_that_retention_empties_meanwhile_ends_the_export(tmp_path: Path) -> None:
    """Nothing is left to write, and nobody is asked without end."""
    api = Deployment(ROWS)
    kept = [ROWS[8:], ROWS[20:]]

    def retire() -> None:
        if kept:
            api.kept = kept.pop(0)

    api.before_rows = retire
    puller = await pulled(api, tmp_path / "out")
    assert (puller.rows, puller.broken) == (0, None)


async def test_a_beginning_that_nothing_signs_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that went without a signed end may have been removed by anybody."""
    api = Deployment(ROWS[8:])
    puller = await pulled(api, tmp_path / "out")
    assert puller.broken is not None
    assert (puller.broken.sequence, puller.rows) == (8, 12)
    assert "nothing signs this" in told(capsys)


async def test_what_is_no_export_is_no_row(tmp_path: Path) -> None:
    """An answer of something else than a deployment writes nothing."""
    api = Deployment(ROWS)

    async def text(*_: Any, **__: Any) -> bytes:
        return b"<html>"

    api.text = text  # type: ignore[method-assign]
    with pytest.raises(ApiProblem, match="no export"):
        await pulled(api, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b""
