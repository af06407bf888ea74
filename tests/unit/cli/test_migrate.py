"""`store migrate` as people and scripts use it, and what keeps a half-done one from being used."""

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import Shell
from tests.support.postgres import postgres_url

from mcpassport.cli.migrate import Places
from mcpassport.settings import Settings
from mcpassport.store import folder_url

SLOWLY = """
import sys, time
from mcpassport.cli.main import main
from mcpassport.store.copies import transfer
transfer.BATCH_ROWS = 2
copied = transfer.copy
async def slowly(source, target, progress):
    def step(rows):
        progress(rows)
        print("step", flush=True)
        time.sleep(0.2)
    await copied(source, target, step)
import mcpassport.store.copies.carry as carry
carry.copy = slowly
main(sys.argv[1:])
"""


def data_of(shell: Shell) -> Path:
    assert shell.config is not None
    return shell.config.with_name("data")


@pytest.mark.usefixtures("account")
def test_a_dry_run_counts_and_changes_nothing(shell: Shell, tmp_path: Path) -> None:
    """Tables with their rows, for people and for scripts; the target is not made."""
    target = folder_url(tmp_path / "target")
    said = shell.ok("store", "migrate", "--to", target, "--dry-run")
    assert re.search(r"^records +[1-9]", said, re.MULTILINE)
    assert re.search(r"^dry run +" + re.escape(str(data_of(shell))), said, re.MULTILINE)
    report = shell.json("store", "migrate", "--to", target, "--dry-run")
    assert report["tables"]["records"] > 5
    assert report["rows"] == sum(report["tables"].values())
    assert (report["refused"], report["resumed"]) == ([], False)
    assert not (tmp_path / "target").exists()


def test_what_would_refuse_it_is_told_beforehand(shell: Shell, tmp_path: Path) -> None:
    """Exit code 1, and each reason on a line of its own."""
    shutil.copytree(data_of(shell), tmp_path / "used")
    ran = shell("store", "migrate", "--to", folder_url(tmp_path / "used"), "--dry-run")
    assert ran.code == 1
    assert "Would be refused:" in ran.err
    assert "it is not empty" in ran.err
    assert "not empty" in shell.refused(
        2, "store", "migrate", "--to", folder_url(tmp_path / "used")
    )


@pytest.mark.parametrize(
    ("given", "settings", "keys"),
    [
        ({}, {}, ("sqlite:////data", "to")),
        ({"source": "from"}, {}, ("from", "to")),
        ({"keys_from": "k", "keys_to": "t"}, {}, ("k", "t")),
        ({}, {"keys_url": "sqlite:////apart"}, ("sqlite:////apart", "sqlite:////apart")),
        ({"source": "from"}, {"keys_url": "sqlite:////apart"}, ("from", "to")),
        ({"keys_to": "t"}, {"keys_url": "sqlite:////apart"}, ("sqlite:////apart", "t")),
    ],
)
def test_keys_go_along_unless_they_are_kept_apart(
    given: dict[str, Any], settings: dict[str, Any], keys: tuple[str, str]
) -> None:
    """Beside the records, or where `keys_url` has them, or where the command says."""
    plan = Places(to="to", **given).plan(Settings(data_dir=Path("/data"), **settings))
    assert (plan.keys_source, plan.keys_target) == keys
    assert (plan.source, plan.target) == (given.get("source", "sqlite:////data"), "to")


@pytest.mark.parametrize("there", ["sqlite", "postgresql"])
def test_another_master_key_is_told_before_anything_is_copied(
    shell: Shell, tmp_path: Path, there: str
) -> None:
    """Keys that do not open here would not open there."""
    target = folder_url(tmp_path / "t") if there == "sqlite" else postgres_url(tmp_path / "t")
    shell.config.with_name("master.key").write_bytes(  # type: ignore[union-attr]
        b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
    )
    for more in ((), ("--dry-run",)):
        said = shell.refused(2, "store", "migrate", "--to", target, *more)
        assert "wrapped by another master key" in said
    assert not (tmp_path / "t").exists()


def test_a_password_in_a_url_is_never_repeated(shell: Shell) -> None:
    """Neither by a report nor by a refusal."""
    good = postgres_url(data_of(shell)).replace("postgres@", "postgres:planted-password@")
    for url, code in (
        (good, 0),
        (good.replace("/postgres?", "/none?"), 2),
        (re.sub(r":\d+/", ":1/", good), 2),
        (f"{good}&sslmode=planted-password", 2),
        (good.replace("postgresql:", "mysql:"), 2),
    ):
        ran = shell("store", "migrate", "--to", url, "--dry-run")
        assert ran.code == code, ran
        assert "planted-password" not in ran.out + ran.err


def test_a_chain_that_was_broken_before_is_copied_and_named(shell: Shell, tmp_path: Path) -> None:
    """Exit code 1: the copy is exact and may be used, the fault is the source's."""
    with closing(sqlite3.connect(data_of(shell) / "audit.db")) as connection, connection:
        connection.execute("UPDATE chained SET body = X'7B7D' WHERE chain = '' AND sequence = 1")
    ran = shell("store", "migrate", "--to", folder_url(tmp_path / "target"), "--json")
    assert ran.code == 1
    (broken,) = ran.json()["broken_chains"]
    assert (broken["chain"], broken["row"]) == ("", 1)
    shell.config.write_text(  # type: ignore[union-attr]
        shell.config.read_text().replace('data_dir = "data"', f'data_dir = "{tmp_path}/target"')  # type: ignore[union-attr]
    )
    assert shell.json("token", "list")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("there", ["sqlite", "postgresql"])
def test_a_migration_that_is_killed_is_gone_on_with(
    shell: Shell, tmp_path: Path, there: str
) -> None:
    """Killed in the middle, the target opens for nobody, the source serves, the next run ends."""
    target = folder_url(tmp_path / "t") if there == "sqlite" else postgres_url(tmp_path / "t")
    command = [sys.executable, "-c", SLOWLY, "store", "migrate", "--to", target]
    command += ["--config", str(shell.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(6):
            assert process.stdout.readline() == "step\n"
        process.send_signal(signal.SIGKILL)
    assert shell.json("tenant", "list")
    config = tmp_path / "target.toml"
    assert shell.config is not None
    text = shell.config.read_text().replace("master.key", str(shell.config.parent / "master.key"))
    if there == "sqlite":
        text = text.replace('data_dir = "data"', f'data_dir = "{tmp_path}/t"')
    else:
        text = f'store_url = "{target}"\n{text}'
    config.write_text(text)
    elsewhere = Shell(shell.capsys, config)
    for what in (("tenant", "list"), ("serve", "--port", "0"), ("doctor", "--json")):
        ran = elsewhere(*what)
        assert ran.code in {1, 2}, ran
        assert "into this store began" in (ran.out + ran.err).replace("\n", " ")
    assert "a copy into it is not complete" in elsewhere.refused(
        2, "store", "backup", "--out", tmp_path / "half.backup"
    )
    report = shell.json("store", "migrate", "--to", target)
    assert report["resumed"]
    assert elsewhere.json("tenant", "list") == shell.json("tenant", "list")


def test_a_deployment_that_serves_is_not_migrated(shell: Shell, tmp_path: Path) -> None:
    """Nothing is made where it would go."""
    with closing(sqlite3.connect(data_of(shell) / "data.db")) as connection, connection:
        connection.execute(
            "INSERT INTO leases VALUES ('process:one', 'x', 1, ?)", (time.time() + 3600,)
        )
    said = shell.refused(2, "store", "migrate", "--to", folder_url(tmp_path / "target"))
    assert "a process serves it" in said
    assert not (tmp_path / "target").exists()


def test_a_process_that_was_stopped_just_now_is_waited_for(shell: Shell, tmp_path: Path) -> None:
    """Its lease lapses soon; then the migration goes its way."""
    with closing(sqlite3.connect(data_of(shell) / "data.db")) as connection, connection:
        lapses = (time.time() + 1.5,)
        connection.execute("INSERT INTO leases VALUES ('process:one', 'x', 1, ?)", lapses)
    ran = shell("store", "migrate", "--to", folder_url(tmp_path / "target"))
    assert ran.code == 0
    assert "Waiting until" in ran.err
