"""The short form of fuzzing: the first inputs of every target, always the same ones."""

from pathlib import Path
from random import Random

import pytest
from tests.fuzz.mutate import damaged, spelled, tree
from tests.fuzz.run import Failed, Work, run
from tests.fuzz.targets import TARGETS

COUNTS = {"endpoint": 1_500, "upstream": 700, "yaml": 60, "openapi": 100, "export": 300}
REST = 1_000


@pytest.mark.parametrize("target", TARGETS)
async def test_no_input_does_what_it_must_not(target: str, tmp_path: Path) -> None:
    """`make fuzz` tries a million more; a failure names the input that it can be repeated with."""
    done: list[int] = []
    work = Work(target, seed=1, first=0, inputs=COUNTS.get(target, REST))
    await run(work, tmp_path, done.append)
    assert sum(done) == work.inputs


async def test_a_failure_is_reproducible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input that fails is named with everything that it takes to try it again."""

    async def broken(rng: Random) -> None:
        assert rng.randrange(50) != 7

    monkeypatch.setattr("tests.fuzz.run.TARGETS", {"token": _Always(broken)})
    with pytest.raises(Failed, match=r"--target token --seed 3 --first \d+ --inputs 1") as failed:
        await run(Work("token", seed=3, first=0, inputs=1_000), tmp_path, lambda _: None)
    number = int(str(failed.value).split("--first ")[1].split()[0])
    assert Random(f"token:3:{number}").randrange(50) == 7


class _Always:
    """A target that is always open."""

    at_once = 1

    def __init__(self, attempt: object) -> None:
        self._attempt = attempt

    def open(self, _folder: Path) -> "_Always":
        return self

    async def __aenter__(self) -> object:
        return self._attempt

    async def __aexit__(self, *_: object) -> None:
        return None


def test_the_same_number_is_the_same_input() -> None:
    """Nothing but the `Random` decides."""
    value = {"a": [1, {"b": "c"}], "d": None}
    made = [damaged(Random(n), spelled(Random(n), tree(Random(n), value))) for n in range(300)]
    again = [damaged(Random(n), spelled(Random(n), tree(Random(n), value))) for n in range(300)]
    assert made == again
    assert len(set(made)) > 150
