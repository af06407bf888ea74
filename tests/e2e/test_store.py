"""What is stored moves to another engine and back, and out of a backup, under the real program."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.deployed import answer, deployed, furnish
from tests.support.lab import Lab, rule, running_lab
from tests.support.postgres import postgres_url

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.xdist_group("store")]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A real upstream process."""
    with running_lab() as running:
        running.answers(rule("/*", json={"id": "1"}))
        yield running


async def test_old_urls_and_tokens_work_on_the_other_engine(tmp_path: Path, lab: Lab) -> None:
    """Served from files, from PostgreSQL, and from files again, by the real program."""
    home = await deployed(tmp_path / "home", lab)
    async with home.serving() as api:
        path = await furnish(api, lab)
        kept = await api.call("POST", path, body={"name": "kept"})
        dead = await api.call("POST", path, body={"name": "dead"})
        assert await answer(kept["url"]) == (200, {"id": "1"})
        await api.call("DELETE", f"{path}/{dead['id']}")
    held, database, again = home.chain()[1], postgres_url(tmp_path), tmp_path / "again"
    for target in (database, f"sqlite:///{again}"):
        report = home.run("store", "migrate", "--to", target)
        assert (report["refused"], report["broken_chains"]) == ([], [])
        if target == database:
            home.keep(store_url=target, data_dir=str(tmp_path / "home" / "data"))
            for file in (tmp_path / "home" / "data").glob("*.db*"):
                file.unlink()
        else:
            home.keep(data_dir=str(again))
        async with home.serving() as api:
            assert await answer(kept["url"]) == (200, {"id": "1"})
            assert lab.requests()[-1].header("authorization") == "Bearer lab_0001"
            assert (await answer(dead["url"]))[0] == 404
            assert [tenant["id"] for tenant in await api.pages("/tenant")] == ["acme"]
        whole, rows = home.chain()
        assert whole
        assert rows > held
        held = rows
    assert dead["id"] in (again / "revocations.log").read_text()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_the_restore_drill(tmp_path: Path, lab: Lab, engine: str) -> None:
    """Backed up while it serves; what is revoked later stays dead after the restore."""
    home = await deployed(tmp_path / "home", lab)
    data = tmp_path / "home" / "data"
    if engine == "postgresql":
        home.run("store", "migrate", "--to", postgres_url(tmp_path / "old"))
        home.keep(store_url=postgres_url(tmp_path / "old"), data_dir=str(data))
    archives = {kind: str(tmp_path / f"{kind}.backup") for kind in ("data", "keys")}
    async with home.serving() as api:
        path = await furnish(api, lab)
        kept = await api.call("POST", path, body={"name": "kept"})
        dead = await api.call("POST", path, body={"name": "dead"})
        home.run("store", "backup", "--out", archives["data"])
        home.run("store", "backup-keys", "--out", archives["keys"])
        assert await answer(dead["url"]) == (200, {"id": "1"})
        await api.call("DELETE", f"{path}/{dead['id']}")
        assert (await answer(dead["url"]))[0] == 404
    if engine == "postgresql":
        home.keep(store_url=postgres_url(tmp_path / "new"), data_dir=str(tmp_path / "other"))
    else:
        home.keep(data_dir=str(tmp_path / "other"))
    home.run("store", "restore", archives["data"], "--keys", archives["keys"])
    assert "would work again" in home.refused("serve", "--port", str(home.port))
    log = str(data / "revocations.log")
    assert home.run("store", "replay", "--revocations", log) == {"replayed": 1}
    async with home.serving() as api:
        assert await answer(kept["url"]) == (200, {"id": "1"})
        assert (await answer(dead["url"]))[0] == 404
        server = await api.call("GET", f"{path}/{dead['id']}")
        assert server["status"] == "revoked"
    assert home.chain()[0]
