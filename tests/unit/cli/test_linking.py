"""`account link, reconnect, test` and `integration oauth-app`, on this machine's deployment."""

import json
import shutil
from pathlib import Path

import pytest
from tests.support.commands import Shell
from tests.support.deployment import NOTES

CLOUD = {
    "kind": "oauth2_authorization_code",
    "authorize_url": "https://login.example/authorize",
    "token_url": "https://login.example/token",
}


@pytest.fixture
def cloud(shell: Shell, account: str, tmp_path: Path) -> str:
    """An integration whose accounts are connected at a provider."""
    assert account
    ours = {"name": "cloud", "credentials": [CLOUD]}
    folder = tmp_path / "cloud"
    shutil.copytree(NOTES, folder)
    (folder / "overlay.yaml").write_text(json.dumps({"patch": {"config": ours}}))
    shell.ok("integration", "push", folder)
    return "cloud"


def test_a_link_is_shown_once(shell: Shell, cloud: str) -> None:
    """With its address, the scopes that are asked for, and what to do with it."""
    asked = ("account", "link", cloud, "--tenant", "acme", "--name", "Ours")
    made = shell.json(*asked, "--methods", "read")
    assert "/connect/mcpp_lnk_" in made["url"]
    assert (made["scopes"], made["secret"]) == (["notes.read"], "shown_once")
    assert "holds for 15 minutes" in shell.ok(*asked)
    assert "unknown_filter" in shell.refused(1, *asked, "--methods", "fly")
    assert "takes no credential" in shell.refused(1, *asked, "--kind", "basic")


def test_an_account_is_not_connected_past_its_provider(shell: Shell, cloud: str) -> None:
    """Where a user has to allow it, no command takes a token."""
    command = ("account", "create", cloud, "--tenant", "acme", "--name", "Ours")
    given = ("--kind", CLOUD["kind"], "--credential", "token=x")
    assert "POST /link-token" in shell.refused(1, *command, *given)


def test_an_account_is_connected_again_by_a_link(shell: Shell, account: str) -> None:
    """With its own kind of credential, under its own id."""
    made = shell.json("account", "reconnect", account)
    assert (made["account"], made["credential_kind"]) == (account, "bearer")
    assert "No such integrated account" in shell.refused(1, "account", "reconnect", "acc_none")
    refused = shell.refused(1, "account", "reconnect", account, "--methods", "read")
    assert "Only accounts that connect by OAuth" in refused


def test_a_connection_is_tested(shell: Shell, account: str) -> None:
    """It says what an agent would be told; a tool that would change something is none for it."""
    ran = shell("account", "test", account, "--json")
    found = ran.json()
    assert (ran.code, found["works"], found["error"]) == (1, False, "upstream_unreachable")
    assert found["tool"].startswith("list_all_")
    refused = shell.refused(1, "account", "test", account, "--tool", "create_a_notes_note")
    assert "A test reads" in refused


def test_an_oauth_app_is_set_shown_and_forgotten(shell: Shell, cloud: str, tmp_path: Path) -> None:
    """The secret comes from a file and is in nothing that is printed."""
    assert "no OAuth app yet" in shell.refused(1, "integration", "oauth-app", cloud)
    secret = tmp_path / "secret.txt"
    secret.write_text("planted-secret\n")
    command = ("integration", "oauth-app", cloud)
    shown = shell.ok(*command, "--client-id", "ours", "--client-secret-file", secret)
    assert "/connect/callback" in shown
    assert "planted-secret" not in shown + shell.ok(*command)
    assert shell.json(*command)["client_id"] == "ours"
    assert "add --yes" in shell.refused(2, *command, "--delete")
    shell.ok(*command, "--delete", "--yes")
    assert "no OAuth app yet" in shell.refused(1, *command)
    for wrong in (
        ("--delete", "--client-id", "x"),
        ("--client-secret-file", str(secret)),
        ("--client-id", "x", "--client-secret-file", str(tmp_path / "none")),
    ):
        assert shell.refused(2, *command, *wrong)


def test_every_secret_of_the_platform_is_sealed_anew(shell: Shell, cloud: str) -> None:
    """`keys rotate` reaches OAuth apps too."""
    shell.ok("integration", "oauth-app", cloud, "--client-id", "ours")
    done = shell.json("keys", "rotate")
    assert (done["resealed"], done["unreadable"]) == (2, 0)
    assert shell.json("integration", "oauth-app", cloud)["client_id"] == "ours"
