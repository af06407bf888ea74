"""One deployment over the lab for all peers of a worker."""

from collections.abc import Iterator

import pytest
from tests.peers import house


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[house.House]:
    """The deployment."""
    with house.house(tmp_path_factory.mktemp("peers")) as made:
        yield made
