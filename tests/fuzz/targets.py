"""What is fuzzed: a target takes one `Random` per input and raises at what must not be."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from tests.fuzz.endpoint import open_endpoint
from tests.fuzz.readers import READERS
from tests.fuzz.upstream import open_upstream

Attempt: TypeAlias = Callable[[Random], Awaitable[None]]
"""Try one input."""


class Target(NamedTuple):
    """Something that reads bytes from outside."""

    open: Callable[[Path], AbstractAsyncContextManager[Attempt]]
    share: int
    """Of a thousand inputs of a whole run."""
    at_once: int
    """Inputs that are under way at the same time."""


def _reader(
    attempt: Callable[[Random, Path], None],
) -> Callable[[Path], AbstractAsyncContextManager[Attempt]]:
    """A target that needs no deployment."""

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Attempt]:
        async def tried(rng: Random) -> None:
            attempt(rng, folder)

        yield tried

    return opened


TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "endpoint": Target(open_endpoint, share=640, at_once=32),
        "upstream": Target(open_upstream, share=180, at_once=32),
        **{
            name: Target(_reader(reader.attempt), share=reader.share, at_once=1)
            for name, reader in READERS.items()
        },
    }
)
