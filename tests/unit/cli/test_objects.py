"""Tenants, accounts, servers, tokens and the audit on the command line, over a data folder."""

import json
import re
from base64 import b64decode
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from tests.support.commands import Answering, Shell
from tests.support.deployment import CREDENTIAL

from mcpassport.audit.checkpoint import fingerprint_of

PLANTED = "planted-value-of-a-secret"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tenant", "list"), "No tenant yet: mcpassport tenant create"),
        (("integration", "list"), "No integration yet: mcpassport integration push"),
        (("token", "list", "--tenant", "acme"), "No API token."),
        (("account", "list", "--tenant", "acme"), "No account yet: mcpassport account create"),
        (("audit", "list", "--tenant", "globex"), "No row yet."),
        (("audit", "list", "--strangers"), "No row yet."),
    ],
)
def test_an_empty_list_says_what_comes_next(
    arguments: tuple[str, ...], says: str, shell: Shell
) -> None:
    """Nothing is told as nothing, with the command that makes the first; as JSON it is []."""
    if "acme" in arguments:
        shell.ok("tenant", "create", "Acme", "--id", "acme")
    assert says in shell.ok(*arguments)
    assert shell.json(*arguments) == []


def test_tenants(shell: Shell) -> None:
    """Create, list and show; a taken id and an unknown one are refused."""
    made = shell.json("tenant", "create", "Acme [bold]Ltd[/bold]", "--id", "acme")
    assert made["name"] == "Acme [bold]Ltd[/bold]"
    for out in (shell.ok("tenant", "list"), shell.ok("tenant", "show", "acme")):
        assert "Acme [bold]Ltd[/bold]" in out
        assert "active" in out
    assert shell.json("tenant", "list") == [shell.json("tenant", "show", "acme")]
    assert "exists already" in shell.refused(1, "tenant", "create", "x", "--id", "acme")
    assert "No such tenant" in shell.refused(1, "tenant", "show", "nobody")
    assert "body.id" in shell.refused(1, "tenant", "create", "x", "--id", "Not A Slug")


def test_a_tenant_is_offboarded_and_its_report_verified(
    shell: Shell, bare: Shell, tmp_path: Path
) -> None:
    """Asked first; the report is shown, written, read again, and checked without a deployment."""
    shell.ok("tenant", "create", "Acme", "--id", "acme")
    assert "add --yes" in shell.refused(2, "tenant", "offboard", "acme")
    out = tmp_path / "report.json"
    report = shell.json("tenant", "offboard", "acme", "--yes", "--out", str(out))
    assert report["tenant"] == "acme"
    assert shell.json("tenant", "deletion-report", "acme") == report
    assert "offboarded" in shell.ok("tenant", "list")
    key = fingerprint_of(b64decode(report["key"]))
    verify = ("tenant", "verify-report", str(out), "--key", key)
    assert bare.json(*verify)["verified"] is True
    out.write_text(out.read_text().replace('"acme"', '"acne"'))
    changed = bare(*verify)
    assert (changed.code, "its signature does not hold" in changed.out) == (1, True)
    out.write_text("{}")
    assert "holds no deletion report" in bare.refused(2, *verify)
    missing = ("tenant", "verify-report", str(tmp_path / "none"), "--key", key)
    assert "cannot be read" in bare.refused(2, *missing)
    shell.ok("tenant", "create", "Globex", "--id", "globex")
    living = shell.refused(2, "tenant", "deletion-report", "globex")
    assert "it is not offboarded" in living


def test_limits_are_set_for_a_tenant_and_for_a_server(shell: Shell, account: str) -> None:
    """Those named change, the others stay, `--clear` takes them back; a server's go first."""
    assert shell.json("tenant", "limits", "acme")["limits"] == {}
    set_first = ("calls_per_10s=40", "in_flight_tenant=9")
    assert shell.json("tenant", "limits", "acme", *set_first)["limits"] == {
        "calls_per_10s": 40,
        "in_flight_tenant": 9,
    }
    changed = shell.json("tenant", "limits", "acme", "calls_per_10s=30")
    assert changed["limits"] == {"calls_per_10s": 30, "in_flight_tenant": 9}
    server = shell.json("server", "create", account, "--name", "a", "--method", "list")["id"]
    shown = shell.json("server", "limits", account, server, "calls_per_10s=20")
    assert shown["config"]["limits"] == {"calls_per_10s": 20}
    assert shown["config"]["methods"] == ["list"]
    in_force = shown["limits_in_force"]
    assert (in_force["calls_per_10s"], in_force["in_flight_tenant"]) == (20, 9)
    cleared = shell.json("server", "limits", account, server, "--clear")
    assert cleared["limits_in_force"]["calls_per_10s"] == 30
    assert shell.json("tenant", "limits", "acme", "--clear")["limits"] == {}
    assert "NAME=NUMBER" in shell.refused(2, "tenant", "limits", "acme", "calls_per_10s")
    assert "whole number from 1" in shell.refused(1, "tenant", "limits", "acme", "calls_per_10s=0")
    assert "unknown limit" in shell.refused(1, "server", "limits", account, server, "x=1")


def test_a_list_is_read_to_its_end(shell: Shell) -> None:
    """More objects than a page holds are all listed."""
    names = {str(shell.json("tenant", "create", f"T{n}")["id"]) for n in range(3)}
    assert {tenant["id"] for tenant in shell.json("tenant", "list")} == names


@pytest.mark.parametrize("text", ["../tenant", "a/b", "a?tenant=b", "a#b", "%2e%2e", "", " ", "é"])
def test_an_id_leads_to_no_other_route(text: str, shell: Shell) -> None:
    """Whatever is typed as an id, it is one segment of the path, and unknown."""
    shell.ok("tenant", "create", "T", "--id", "tenant")
    for command in (("tenant", "show"), ("account", "show"), ("integration", "versions")):
        assert "no_such_object" in shell.refused(1, *command, text)


def test_accounts(shell: Shell, account: str, tmp_path: Path) -> None:
    """Created from a file, shown without its credential, changed, listed, previewed."""
    shown = shell.ok("account", "show", account)
    assert "bearer" in shown
    assert CREDENTIAL not in shown
    assert account in shell.ok("account", "list", "--tenant", "acme")
    renamed = shell.json("account", "update", account, "--name", "New", "--context", "team=a")
    assert (renamed["name"], renamed["context"]) == ("New", {"team": "a"})
    overrides = tmp_path / "overrides.json"
    overrides.write_text(json.dumps({"removed_methods": ["notes.delete"]}))
    shell.ok("account", "update", account, "--overrides", overrides)
    assert "5 tools of notes@1" in shell.ok("account", "tools", account)
    read = shell.json("account", "tools", account, "--method", "list", "--method", "get")
    assert [tool["method"] for tool in read["result"]] == ["get", "list"]
    assert "unknown_filter" in shell.refused(1, "account", "tools", account, "--tag", "x")


@pytest.mark.usefixtures("account")
def test_a_credential_is_in_nothing_that_is_printed(shell: Shell, tmp_path: Path) -> None:
    """Neither when it is wrong, nor when its file is, nor when its option is."""
    create = ("account", "create", "notes", "--tenant", "acme", "--name", "N", "--kind", "bearer")
    bad = tmp_path / "bad.json"
    for text, says in (
        (json.dumps({"token": PLANTED}), "does not match"),
        (json.dumps([PLANTED]), "not a JSON object of texts"),
        (json.dumps({"token": {"x": PLANTED}}), "not a JSON object of texts"),
        (PLANTED, "not JSON"),
    ):
        bad.write_text(text)
        ran = shell(*create, "--credential-file", bad)
        assert ran.code in {1, 2}
        assert says in ran.err
        assert PLANTED not in ran.out + ran.err
    ran = shell(*create, "--credential", PLANTED)
    assert (ran.code, "NAME=VALUE" in ran.err, PLANTED in ran.err) == (2, True, False)
    assert "No such file" in shell.refused(2, *create, "--credential-file", tmp_path / "absent")
    assert "it takes: bearer" in shell.refused(1, *create[:-2], "--credential", "token=x")
    made = shell.json(*create, "--credential", "token=nt_anothertoken")
    assert made["credential_kind"] == "bearer"


def test_deleting_asks_first(shell: Shell, account: str, answering: Answering) -> None:
    """Without anybody to ask it needs --yes; a no changes nothing; a yes does it."""
    assert "add --yes" in shell.refused(2, "account", "delete", account)
    answering("n")
    ran = shell("account", "delete", account)
    assert (ran.code, "Nothing was changed." in ran.out) == (1, True)
    shell.ok("account", "show", account)
    answering("yes")
    assert "is deleted" in shell.ok("account", "delete", account)
    shell.refused(1, "account", "show", account)
    assert "no_such_object" in shell.refused(1, "account", "delete", account, "--yes")


def test_servers(shell: Shell, account: str) -> None:
    """The URL is shown once, at creation; listing and show hold none; revoking is final."""
    out = shell.ok("server", "create", account, "--name", "agent", "--method", "read")
    assert "/mcp/mcpp_srv_" in out
    assert "shown this once" in out
    made = shell.json(
        *("server", "create", account, "--name", "b", "--tag", "content", "--resource", "notes"),
        *("--require-api-token", "--expires-at", "2030-01-31T12:00Z"),
        *("--rate-limit-errors", "tool_error"),
    )
    assert made["expires_at"] == "2030-01-31T12:00:00Z"
    assert made["config"] == {
        "methods": None,
        "tags": ["content"],
        "resources": ["notes"],
        "deny": [],
        "factors": [{"kind": "api_token"}],
        "require_api_token_auth": True,
        "oauth": None,
        "rate_limit_errors": "tool_error",
        "limits": {},
    }
    listed = shell.ok("server", "list", account)
    assert made["id"] in listed
    for text in (listed, shell.ok("server", "show", account, made["id"])):
        assert "mcpp_srv_" not in text
    assert "is suspended" in shell.ok("server", "suspend", account, made["id"])
    assert shell.json("server", "resume", account, made["id"])["status"] == "active"
    assert "add --yes" in shell.refused(2, "tenant", "suspend", "acme")
    assert "is suspended" in shell.ok("tenant", "suspend", "acme", "--yes")
    assert shell.json("tenant", "resume", "acme")["status"] == "active"
    assert "add --yes" in shell.refused(2, "server", "revoke", account, made["id"])
    shell.ok("server", "revoke", account, made["id"], "--yes")
    assert shell.json("server", "show", account, made["id"])["status"] == "revoked"
    assert shell.json("server", "revoke", account, made["id"], "--yes") == {"revoked": made["id"]}


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (("--expires-at", "tomorrow"), 2, "not an ISO 8601 time"),
        (("--expires-at", "2030-01-31T12:00"), 2, "has no zone"),
        (("--expires-at", "2020-01-31T12:00Z"), 1, "less than 60 seconds ahead"),
        (("--never-expires",), 1, "never expire"),
        (("--never-expires", "--expires-at", "2030-01-31T12:00Z"), 2, "one of"),
        (("--method", "reed"), 1, "Valid: read, write, custom"),
        (("--rate-limit-errors", "x"), 2, "http_429"),
    ],
)
def test_a_server_that_cannot_be_is_refused(
    more: tuple[str, ...], code: int, says: str, shell: Shell, account: str
) -> None:
    """Each with what was wrong and what is right."""
    said = shell.refused(code, "server", "create", account, "--name", "x", *more)
    assert says in " ".join(said.split())
    assert shell.json("server", "list", account) == []


@pytest.mark.usefixtures("account")
def test_tokens(shell: Shell) -> None:
    """Shown once, listed without their secrets, revoked by id."""
    out = shell.ok("token", "create", "--role", "factor", "--tenant", "acme", "--name", "agent")
    assert "mcpp_api_" in out
    made = shell.json("token", "create", "--role", "auditor", "--name", "Ann",
                      "--expires-at", "2030-01-31T12:00Z")  # fmt: skip
    listed = shell.ok("token", "list") + shell.ok("token", "list", "--tenant", "acme")
    assert "mcpp_api_" not in listed
    assert "Ann" in listed
    assert "add --yes" in shell.refused(2, "token", "revoke", made["id"])
    assert "is revoked" in shell.ok("token", "revoke", made["id"], "--yes")
    assert "belongs to a tenant" in shell.refused(
        *(1, "token", "create", "--role", "tenant", "--name", "x"),
    )
    assert "has no zone" in shell.refused(
        *(2, "token", "create", "--role", "admin", "--name", "x", "--expires-at", "2030-01-01"),
    )


def test_the_trail_says_who_did_what(shell: Shell, account: str) -> None:
    """Commands are recorded as `cli:<os user>`, newest first, with what they were about."""
    rows: list[dict[str, Any]] = shell.json("audit", "list", "--tenant", "acme")
    assert [row["action"] for row in rows] == ["account.create", "tenant.create"]
    assert {row["principal"].partition(":")[0] for row in rows} == {"cli"}
    table = shell.ok("audit", "list", "--tenant", "acme")
    for text in ("account.create", account, rows[0]["principal"]):
        assert text in table
    assert len(shell.json("audit", "list", "--tenant", "acme", "--limit", "1")) == 1
    pushed = shell.ok("audit", "list")
    assert "integration.push" in pushed
    assert rows[0]["ts"][:19].replace("T", " ") in table


def test_a_fault_is_one_line(shell: Shell) -> None:
    """A damaged store is told in a sentence, never with a stack."""
    assert shell.config is not None
    (shell.config.parent / "data" / "data.db").write_bytes(b"damaged beyond repair" * 100)
    said = shell.refused(2, "tenant", "list")
    assert "data.db" in said
    assert len(said.splitlines()) == 1


def test_a_fingerprint_key_is_shown_or_kept_once(shell: Shell, tmp_path: Path) -> None:
    """On the screen, or in a new file of the owner's; a refusal leaves no file behind."""
    for tenant in ("acme", "globex"):
        shell.ok("tenant", "create", "T", "--id", tenant)
    ask = ("tenant", "fingerprint-key")
    assert "add --yes" in shell.refused(2, *ask, "acme")
    out = shell.ok(*ask, "acme", "--yes")
    assert re.search(r"key +[0-9a-f]{64}\n", out)
    assert "this once" in out
    path = tmp_path / "globex.key"
    out = shell.ok(*ask, "globex", "--yes", "--out", path)
    assert re.fullmatch(r"[0-9a-f]{64}\n", path.read_text())
    assert path.read_text().strip() not in out
    assert path.stat().st_mode & 0o777 == 0o600
    assert "name a new file" in shell.refused(2, *ask, "globex", "--yes", "--out", path)
    late = tmp_path / "late.key"
    assert "already disclosed" in shell.refused(1, *ask, "globex", "--yes", "--out", late)
    assert not late.exists()


def test_a_key_that_its_file_does_not_take_is_shown(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be had only once, so a full disk must not swallow it."""
    shell.ok("tenant", "create", "T", "--id", "acme")

    def full(_path: Path, *_: object, **__: object) -> FileIO:
        return FileIO("/dev/full", "w")

    monkeypatch.setattr("mcpassport.cli.tenant.FileIO", full)
    ran = shell(
        *("tenant", "fingerprint-key", "acme", "--yes", "--out", tmp_path / "key", "--json")
    )
    assert ran.code == 0
    assert "No space left" in ran.err
    assert len(ran.json()["key"]) == 64
