"""Compile JSONata, and evaluate it within bounds in the thread that asks.

What is bounded and how (architecture.md, "Parts"):
1. Each call has a timeout of 100 ms, a stack of 200 and sequences of 100,000.
2. `$eval` would run text from the data; `$now`, `$millis`, `$random` and `$shuffle` would make the
   answer depend on more than its input: all five fail. The width of `$pad` is clamped.
3. An engine object works only in the thread that compiled it (elsewhere it panics with a
   `BaseException`), so each thread keeps its own, bounded cache.
4. The engine's messages quote the data. Only its error code and the slot's name leave this module.
"""

import re
import threading
from collections import OrderedDict
from typing import Any, Final, NoReturn

import jsonatapy
from msgspec import Struct

from mcpassport.errors import ExpressionFailed, InvalidExpression
from mcpassport.limits import (
    EXPRESSION_INLINE_BYTES,
    EXPRESSION_SEQUENCE,
    EXPRESSION_STACK,
    EXPRESSION_TIMEOUT_MS,
)

PAD_WIDTH_MAX: Final = 10_000
"""Characters. A wider `$pad` is clamped to it, silently."""
CACHED_PER_THREAD: Final = 1024
SOURCE_MAX_CHARS: Final = 65_536

_FORBIDDEN: Final = ("eval", "now", "millis", "random", "shuffle")
_CODE: Final = re.compile(r"(?:Parse error: )?([A-Z][0-9]{4})(?![0-9])")
_HOST_FUNCTION: Final = "host function raised "


class Expression(Struct, frozen=True):
    """A JSONata expression that is known to compile; `slot` names its place in the integration."""

    source: str
    slot: str


class EngineError(Exception):
    """The engine refused the source or the input; `code` is all that may be told."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Engines(threading.local):
    """The compiled expressions of one thread, least recently used first."""

    def __init__(self) -> None:
        self.by_source: OrderedDict[str, Any] = OrderedDict()


_engines = _Engines()


def compile_expression(source: str, slot: str) -> Expression:
    """Check that the source compiles. `slot` is a name for people: `contacts.list response`.

    Raises:
        InvalidExpression: it does not; the text names the slot and the engine's code only.
    """
    try:
        _engine(source)
    except EngineError as error:
        raise InvalidExpression(
            f"{slot}: the JSONata expression does not compile ({error.code})."
        ) from None
    return Expression(source, slot)


def failed(expression: Expression, code: str) -> ExpressionFailed:
    """The error that callers see of an expression that failed."""
    return ExpressionFailed(f"The expression '{expression.slot}' failed ({code}).")


def evaluate_here(
    source: str, scope: bytes, *, timeout_ms: int = EXPRESSION_TIMEOUT_MS
) -> bytes | None:
    """Evaluate over this JSON text, in this thread; None is JSONata's undefined.

    Raises:
        EngineError: with the engine's code, or `input`, `panic`, `memory`, `engine`,
            `forbidden_function`.
    """
    engine = _engine(source)
    try:
        result: str | None = engine.evaluate_json_or_none(
            scope.decode(),
            timeout=timeout_ms,
            max_stack_depth=EXPRESSION_STACK,
            max_sequence_length=EXPRESSION_SEQUENCE,
        )
    except UnicodeDecodeError:
        raise EngineError("input") from None
    except BaseException as error:  # noqa: BLE001 - a panic derives from BaseException; others pass
        _raise_coded(source, error)
    return None if result is None else result.encode()


def evaluate_inline(expression: Expression, scope: bytes) -> bytes | None:
    """Evaluate in this thread whatever the scope's size; one too large for that is refused.

    For scopes that must not leave the process, such as one that holds a secret.

    Raises:
        ExpressionFailed: the expression failed; the text names its slot and a code.
    """
    if len(scope) > EXPRESSION_INLINE_BYTES:
        raise failed(expression, "input")
    try:
        return evaluate_here(expression.source, scope)
    except EngineError as error:
        raise failed(expression, error.code) from None


def _engine(source: str) -> Any:
    engines = _engines.by_source
    engine = engines.get(source)
    if engine is None:
        engine = engines[source] = _compile(source)
        if len(engines) > CACHED_PER_THREAD:
            engines.popitem(last=False)
    else:
        engines.move_to_end(source)
    return engine


def _compile(source: str) -> Any:
    if len(source) > SOURCE_MAX_CHARS:
        raise EngineError("too_long")
    try:
        engine = jsonatapy.compile(source)
        for name in _FORBIDDEN:
            engine.register_override(name, _forbidden)
        engine.register_override("pad", _pad)
    except BaseException as error:  # noqa: BLE001 - a panic derives from BaseException; others pass
        _raise_coded(source, error)
    return engine


def _raise_coded(source: str, error: BaseException) -> NoReturn:
    if type(error).__name__ == "PanicException":
        # The engine object may be broken now: the next call compiles a new one.
        _engines.by_source.pop(source, None)
        raise EngineError("panic") from None
    if not isinstance(error, Exception):
        raise error
    if isinstance(error, MemoryError):
        raise EngineError("memory") from None
    text = str(error)
    if text.startswith(_HOST_FUNCTION):
        raise EngineError("forbidden_function") from None
    code = _CODE.match(text)
    raise EngineError(code.group(1) if code else "engine") from None


def _forbidden(*_arguments: Any) -> NoReturn:
    raise EngineError("forbidden_function")


def _pad(text: Any = None, width: Any = None, fill: Any = " ", *_more: Any) -> str | None:
    """`$pad` of JSONata with the width clamped; an undefined text gives null."""
    if text is None:
        return None
    if not isinstance(text, str) or isinstance(width, bool) or not isinstance(width, int | float):
        raise EngineError("forbidden_function")
    wanted = int(max(-PAD_WIDTH_MAX, min(PAD_WIDTH_MAX, width)))
    missing = abs(wanted) - len(text)
    if missing <= 0:
        return text
    unit = fill if isinstance(fill, str) and fill else " "
    padding = (unit * (missing // len(unit) + 1))[:missing]
    return text + padding if wanted > 0 else padding + text
