"""One deployment per test, and for the try-outs one upstream per module."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.deployment import Deployment, deployment
from tests.support.lab import Lab, running_lab


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment with two tenants and a token per caller."""
    async with deployment(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A real upstream process that answers as it is told."""
    with running_lab() as running:
        yield running
