"""JSONata: bounded, pure, silent about its data; large inputs run in processes of their own."""

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator

import pytest

from mcpassport.errors import ExpressionFailed, InvalidExpression
from mcpassport.expressions import Evaluator, compile_expression
from mcpassport.expressions import pool as pool_module
from mcpassport.expressions.jsonata import PAD_WIDTH_MAX, EngineError, evaluate_here

LARGE = json.dumps({"rows": [{"id": number, "name": "x" * 20} for number in range(5_000)]}).encode()


@pytest.fixture
async def evaluator() -> AsyncIterator[Evaluator]:
    evaluator = Evaluator(processes=1)
    yield evaluator
    await evaluator.close()


async def run(evaluator: Evaluator, source: str, scope: bytes = b"{}") -> bytes | None:
    return await evaluator.evaluate(compile_expression(source, "notes.list response"), scope)


@pytest.mark.parametrize(
    ("source", "scope", "result"),
    [
        ("a", b'{"a":{"b":"\xc3\xa9"}}', '{"b":"é"}'.encode()),
        ("nope", b"{}", None),
        ("a", b'{"a":null}', b"null"),
        ("$pad(a, 5)", b'{"a":"x"}', b'"x    "'),
        ("$pad(a, -5, '#')", b'{"a":"x"}', b'"####x"'),
        ("$pad(a, 4, 'xy')", b'{"a":"a"}', b'"axyx"'),
        ("$length($pad(a, 1e12))", b'{"a":"x"}', str(PAD_WIDTH_MAX).encode()),
    ],
)
async def test_results(
    evaluator: Evaluator, source: str, scope: bytes, result: bytes | None
) -> None:
    """JSON text goes in and comes out; undefined is None; `$pad` keeps its meaning, clamped."""
    assert await run(evaluator, source, scope) == result


@pytest.mark.parametrize(
    "call",
    ["$eval('1')", "$now()", "$millis()", "$random()", "$shuffle([1,2])", "($f := $now; $f())"],
)
async def test_functions_that_are_not_pure_fail(evaluator: Evaluator, call: str) -> None:
    """Text from the data never runs, and an answer depends on its input only."""
    with pytest.raises(ExpressionFailed, match="forbidden_function"):
        await run(evaluator, call)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("($f := function(){$f()}; $f())", "D1012"),
        ("($f := function($n){1 + $f($n + 1)}; $f(1))", "D1011"),
        ("[1..1000000]", "D2015"),
        ("$error('S3CRET ' & a)", "D3137"),
        ("$number(a)", "D3030"),
    ],
)
async def test_a_failure_tells_its_code_and_slot_only(
    evaluator: Evaluator, source: str, code: str
) -> None:
    """Neither the data nor the engine's words leave, whatever goes wrong."""
    with pytest.raises(ExpressionFailed) as caught:
        await run(evaluator, source, b'{"a":"S3CRET"}')
    assert str(caught.value) == f"The expression 'notes.list response' failed ({code})."
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("scope", [b"\xff", b"{", b'{"a":1e999}', b"[" * 5000 + b"]" * 5000])
async def test_an_input_that_is_not_json_fails(evaluator: Evaluator, scope: bytes) -> None:
    """Bytes that are no JSON text end in an error of ours, not of the engine's."""
    with pytest.raises(ExpressionFailed):
        await run(evaluator, "a", scope)


@pytest.mark.parametrize("source", ["((", "'open", "(" * 60_000, "\ud800", "1 " * 40_000])
def test_a_source_that_does_not_compile_is_named_by_its_slot(source: str) -> None:
    """The error says where and with which code, and quotes nothing."""
    with pytest.raises(InvalidExpression, match=r"^notes.list errors: .* \([A-Za-z0-9_]+\)\.$"):
        compile_expression(source, "notes.list errors")


async def test_an_expression_works_in_every_thread(evaluator: Evaluator) -> None:
    """Compiled in one thread, it is evaluated in another without a panic."""
    expression = compile_expression("a + 1", "test")
    results: list[bytes | None] = []
    thread = threading.Thread(
        target=lambda: results.append(evaluate_here(expression.source, b'{"a":1}'))
    )
    thread.start()
    thread.join()
    assert results == [b"2"] == [await evaluator.evaluate(expression, b'{"a":1}')]


async def test_a_panic_of_the_engine_is_an_error(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `BaseException` of the engine becomes an error; the next evaluation works again."""

    class PanicException(BaseException):
        pass

    class Broken:
        def __getattr__(self, name: str) -> object:
            raise PanicException("S3CRET")

    expression = compile_expression("a", "test")
    monkeypatch.setitem(evaluate_here.__globals__["_engines"].by_source, "a", Broken())
    with pytest.raises(ExpressionFailed, match=r"'test' failed \(panic\)"):
        await evaluator.evaluate(expression, b"{}")
    assert await evaluator.evaluate(expression, b'{"a":1}') == b"1"


@pytest.mark.parametrize("signal", [KeyboardInterrupt, asyncio.CancelledError, SystemExit])
def test_what_ends_the_program_is_not_swallowed(
    signal: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupts and cancellation pass through."""

    class Interrupted:
        def evaluate_json_or_none(self, *_args: object, **_options: object) -> str:
            raise signal

    monkeypatch.setitem(evaluate_here.__globals__["_engines"].by_source, "b", Interrupted())
    with pytest.raises(signal):
        evaluate_here("b", b"{}")


async def test_a_large_input_runs_in_another_process(evaluator: Evaluator) -> None:
    """Values, undefined and errors come back from there as they do here; the process is reused."""
    assert await run(evaluator, "$count(rows)", LARGE) == b"5000"
    first = [process.pid for process in evaluator._idle]
    assert await run(evaluator, "nope", LARGE) is None
    with pytest.raises(ExpressionFailed, match="D3137"):
        await run(evaluator, "$error('x')", LARGE)
    with pytest.raises(ExpressionFailed, match="forbidden_function"):
        await run(evaluator, "$now()", LARGE)
    assert [process.pid for process in evaluator._idle] == first


async def test_a_process_that_does_not_answer_is_killed_and_replaced(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hard limit ends the process; the next large input gets a new one."""
    assert await run(evaluator, "1", LARGE) == b"1"
    (stuck,) = evaluator._idle
    os.kill(stuck.pid, 19)
    monkeypatch.setattr(pool_module, "EXPRESSION_HARD_KILL_S", 0.05)
    with pytest.raises(ExpressionFailed, match="killed"):
        await run(evaluator, "1", LARGE)
    assert stuck.returncode == -9
    monkeypatch.undo()
    assert await run(evaluator, "2", LARGE) == b"2"


async def test_a_process_that_died_is_replaced(evaluator: Evaluator) -> None:
    """A process that ended while idle costs its next user nothing."""
    assert await run(evaluator, "1", LARGE) == b"1"
    (dead,) = evaluator._idle
    dead.kill()
    await dead.wait()
    assert await run(evaluator, "2", LARGE) == b"2"


async def test_a_cancelled_caller_leaves_no_process_behind(evaluator: Evaluator) -> None:
    """Cancellation passes through, and the process it waited for is gone."""
    assert await run(evaluator, "1", LARGE) == b"1"
    (stuck,) = evaluator._idle
    os.kill(stuck.pid, 19)
    task = asyncio.create_task(run(evaluator, "1", LARGE))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stuck.returncode == -9
    assert await run(evaluator, "2", LARGE) == b"2"


async def test_an_answer_that_nobody_read_does_not_hold_up_the_end(evaluator: Evaluator) -> None:
    """A process is reaped although much of its answer is still under way."""
    assert await run(evaluator, "1", LARGE) == b"1"
    (process,) = evaluator._idle
    assert process.stdin is not None
    source = b"[rows, rows, rows, rows]"
    process.stdin.write(len(source).to_bytes(4, "big") + len(LARGE).to_bytes(4, "big") + source)
    process.stdin.write(LARGE)
    await asyncio.sleep(0.3)
    await asyncio.wait_for(evaluator.close(), 10)
    assert process.returncode == -9


async def test_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process without memory enough fails its own evaluation and nothing else."""
    monkeypatch.setattr(pool_module, "EXPRESSION_POOL_MEMORY", 64 * 2**20)
    evaluator = Evaluator(processes=1)
    try:
        with pytest.raises(ExpressionFailed):
            await run(evaluator, "$reduce([1..26], function($a){$a & $a}, rows[0].name)", LARGE)
        assert await run(evaluator, "1", LARGE) == b"1"
    finally:
        await evaluator.close()


async def test_large_inputs_share_a_bounded_number_of_processes() -> None:
    """However many run at once, no more processes than asked for exist."""
    evaluator = Evaluator(processes=2)
    try:
        results = await asyncio.gather(*(run(evaluator, "$count(rows)", LARGE) for _ in range(6)))
        assert results == [b"5000"] * 6
        assert len(evaluator._idle) <= 2
    finally:
        await evaluator.close()
    with pytest.raises(ExpressionFailed, match="busy"):
        await run(evaluator, "1", LARGE)


async def test_the_process_sees_none_of_our_environment(
    evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings and keys in the environment do not reach the evaluator."""
    monkeypatch.setenv("MCPASSPORT_MASTER_KEY", "S3CRET")
    assert await run(evaluator, "1", LARGE) == b"1"
    (process,) = evaluator._idle
    with open(f"/proc/{process.pid}/environ", "rb") as environ:  # noqa: ASYNC230, PTH123 - procfs
        assert b"S3CRET" not in environ.read()


def test_the_cache_of_a_thread_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Old expressions give way to new ones."""
    monkeypatch.setitem(evaluate_here.__globals__, "CACHED_PER_THREAD", 3)
    for number in range(10):
        assert evaluate_here(f"{number}", b"{}") == str(number).encode()
    with pytest.raises(EngineError):
        evaluate_here("((", b"{}")
