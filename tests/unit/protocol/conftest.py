"""A world to call into."""

from collections.abc import AsyncIterator

import pytest
from tests.support.calling import World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World(strict_output=True)
    await world.log.start()
    yield world
    world.audit.broken = False
    await world.log.close()
