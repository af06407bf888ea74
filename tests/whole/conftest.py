"""One recording upstream per run, one deployment per module."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from tests.support.lab import Lab, running_lab
from tests.support.whole import World, world


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The upstream: a process of its own that records every request."""
    with running_lab() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def app(tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> AsyncIterator[World]:
    """The whole app, with an account and a server for each of two tenants."""
    async with world(tmp_path_factory.mktemp("whole"), lab) as made:
        yield made
