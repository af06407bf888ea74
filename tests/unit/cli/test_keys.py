"""`mcpassport keys`, over a deployment on this machine."""

import stat
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import Answering, Shell

pytestmark = pytest.mark.usefixtures("account")


def told_of_previous(shell: Shell, old: Path, new: Path) -> None:
    """Name the new master key in the settings, and the old one as the one before."""
    assert shell.config is not None
    text = shell.config.read_text()
    given = f'master_key_file = "{new}"\nprevious_master_key_file = "{old}"\n'
    lines = [line for line in text.splitlines() if not line.startswith("master_key_file")]
    shell.config.write_text(given + "\n".join(lines))


def test_data_keys_are_rotated_once_an_hour(shell: Shell) -> None:
    """An interrupted run goes on where it stopped: what is done is not done twice, unless asked."""
    shell.ok("tenant", "create", "Globex", "--id", "globex")
    first = shell.json("keys", "rotate")
    assert (first["tenants"], first["resealed"], first["unreadable"]) == (2, 1, 0)
    assert shell.json("keys", "rotate")["tenants"] == 0
    assert shell.json("keys", "rotate", "--again")["tenants"] == 2
    one = shell.json("keys", "rotate", "--tenant", "acme")
    assert (one["tenants"], one["resealed"]) == (1, 1)
    assert shell.json("tenant", "show", "acme")["key_version"] == 4
    assert "destroyed in a day" in shell.ok("keys", "rotate")


def test_an_offboarded_tenant_gets_no_key(shell: Shell) -> None:
    """Its keys are destroyed for good; the run passes over it."""
    shell.ok("tenant", "offboard", "acme", "--yes")
    assert shell.json("keys", "rotate")["tenants"] == 0
    ran = shell("keys", "rotate", "--tenant", "acme")
    assert (ran.code, "offboarded" in ran.err) == (1, True)


def test_the_master_key_is_exchanged(
    shell: Shell, bare: Shell, tmp_path: Path, answering: Answering
) -> None:
    """Everything opens with the new one alone, nothing with the old one; a question comes first."""
    assert shell.config is not None
    old, new = shell.config.with_name("master.key"), tmp_path / "new.key"
    assert "previous_master_key_file" in bare.ok("keys", "new-master", str(new))
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    bare.refused(2, "keys", "new-master", str(new))
    told_of_previous(shell, old, new)
    assert "previous_master_key" in shell.ok("keys", "status")
    answering("n")
    assert shell("keys", "rotate").code == 1
    assert shell.json("keys", "rotate", "--yes")["rewrapped"] >= 3
    assert shell.json("keys", "rotate", "--yes")["rewrapped"] == 0
    old.unlink()
    text = shell.config.read_text()
    shell.config.write_text(
        "\n".join(line for line in text.splitlines() if "previous_master" not in line)
    )
    assert shell.json("keys", "status")["previous_master_key"] is False
    shell.ok("account", "list", "--tenant", "acme")


def test_the_token_key_is_exchanged(shell: Shell, account: str) -> None:
    """First it says from when the next one is used; before that there is no end."""
    begun = shell.json("keys", "rotate", "--token-key")
    assert (begun["version"], begun["next_version"], begun["left"]) == (1, 2, None)
    assert "is made" in shell.ok("keys", "rotate", "--token-key")
    ran = shell("keys", "rotate", "--token-key", "--finish", "--yes")
    assert (ran.code, "not in use everywhere" in ran.err) == (1, True)
    shown: dict[str, Any] = shell.json("keys", "status")
    assert shown["token_key"]["next_version"] == 2
    assert "next_version" in shell.ok("keys", "status")
    shell.ok("server", "create", account, "--name", "agent")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--finish"], "goes with --token-key"),
        (["--token-key", "--tenant", "acme"], "not a tenant's"),
        (["--token-key", "--again"], "not a tenant's"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    shell: Shell, options: list[str], said: str
) -> None:
    """It says which, and changes nothing."""
    ran = shell("keys", "rotate", *options)
    assert (ran.code, said in ran.err) == (2, True)
