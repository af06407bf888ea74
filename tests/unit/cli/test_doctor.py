"""`doctor`: one verdict per thing that can be wrong, and how to mend it."""

import os
import resource
import secrets
from base64 import b64encode
from pathlib import Path

import pytest
from tests.support.certificates import server_context
from tests.support.commands import Shell
from tests.support.deployment import NOTES
from tests.support.postgres import postgres_url

from mcpassport.cli.diagnosis import machine


def folder_of(shell: Shell) -> Path:
    assert shell.config is not None
    return shell.config.parent


def verdicts(shell: Shell) -> dict[str, tuple[str, str, str]]:
    """Subject -> verdict, what was seen, how to mend it; the exit code fits."""
    ran = shell("doctor", "--json")
    found = {row["subject"]: (row["verdict"], row["seen"], row["mend"]) for row in ran.json()}
    assert ran.code == (1 if "bad" in {verdict for verdict, _, _ in found.values()} else 0)
    return found


MACHINES = ("clock", "core dumps", "swap", "open files")
"""What is as it is on the machine that runs the tests."""


def with_setting(shell: Shell, line: str) -> None:
    """Add a setting, in place of one of that name."""
    assert shell.config is not None
    name = line.partition("=")[0].strip()
    kept = [text for text in shell.config.read_text().splitlines() if not text.startswith(name)]
    shell.config.write_text("\n".join([line, *kept]))


def test_a_fresh_deployment_is_well(shell: Shell) -> None:
    """Nothing is bad; what is fine on this machine only, or missing yet, is a warning."""
    found = verdicts(shell)
    machine = {found.pop(name)[0] for name in MACHINES}
    assert "bad" not in machine
    assert {name: verdict for name, (verdict, _, _) in found.items()} == {
        "data folder": "good",
        "master key": "good",
        "keys": "good",
        "public URL": "warn",
        "TLS": "good",
        "hosts": "good",
        "origins": "good",
        "trusted proxies": "good",
        "private hosts": "good",
        "vendor file": "good",
        "store": "good",
        "integrations": "warn",
    }
    assert "push FOLDER" in found["integrations"][2]
    shell.ok("integration", "push", NOTES)
    assert verdicts(shell)["integrations"][:2] == ("good", "notes@1")
    table = shell.ok("doctor")
    assert "opens, and the master key fits" in table


def test_a_deployment_in_postgresql_is_well(shell: Shell, tmp_path: Path) -> None:
    """Its data folder need not exist yet; keys in the database of the records are a warning."""
    url = postgres_url(tmp_path)
    shell.ok("store", "migrate", "--to", url)
    with_setting(shell, f'store_url = "{url}"')
    with_setting(shell, 'data_dir = "elsewhere"')
    found = verdicts(shell)
    assert found["data folder"][0] == "good"
    assert found["store"][0] == "good"
    assert found["keys"][0] == "warn"
    assert "_keys" in found["keys"][2]


def test_a_missing_folder_and_a_file_in_its_place_are_bad(shell: Shell) -> None:
    """Each is told for what it is."""
    data = folder_of(shell) / "data"
    data.rename(data.with_name("moved"))
    verdict, seen, mend = verdicts(shell)["data folder"]
    assert (verdict, "missing" in seen, mend) == ("bad", True, "run mcpassport init")
    data.write_text("")
    assert "is a file" in verdicts(shell)["data folder"][1]


def test_what_others_can_read_is_told(shell: Shell) -> None:
    """A readable folder is a warning, a readable key is bad."""
    (folder_of(shell) / "data").chmod(0o755)
    assert verdicts(shell)["data folder"] == (
        *("warn", f"{folder_of(shell) / 'data'} is readable by others", "chmod 700"),
    )
    (folder_of(shell) / "master.key").chmod(0o640)
    found = verdicts(shell)
    assert (found["master key"][0], found["master key"][2]) == ("bad", "chmod 600")
    assert "store" not in found


def test_a_missing_key_and_one_beside_the_data_are_bad(shell: Shell) -> None:
    """A backup of the data folder must not carry the key."""
    key = folder_of(shell) / "master.key"
    key.rename(folder_of(shell) / "data" / "master.key")
    assert "missing" in verdicts(shell)["master key"][1]
    with_setting(shell, 'master_key_file = "data/master.key"')
    assert "inside the data folder" in verdicts(shell)["master key"][1]


def test_a_wrong_key_is_found_by_trying(shell: Shell) -> None:
    """It looks like a key and opens nothing."""
    (folder_of(shell) / "master.key").write_bytes(b64encode(secrets.token_bytes(32)))
    verdict, seen, _ = verdicts(shell)["store"]
    assert (verdict, "another master key" in seen) == ("bad", True)


def test_a_key_from_the_environment_needs_no_file(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is not shown."""
    key = folder_of(shell) / "master.key"
    text = key.read_text().strip()
    monkeypatch.setenv("MCPASSPORT_MASTER_KEY", text)
    key.unlink()
    found = verdicts(shell)
    assert found["master key"][:2] == ("good", "from the environment")
    assert text not in str(found)


def test_a_public_url_without_tls_is_bad(shell: Shell) -> None:
    """Token URLs travel over it."""
    for url, verdict in (
        ("http://mcp.example", "bad"),
        ("http://localhost:1", "warn"),
        ("https://mcp.example", "good"),
    ):
        with_setting(shell, f'public_url = "{url}"')
        assert verdicts(shell)["public URL"][0] == verdict


@pytest.mark.parametrize(
    ("lines", "subject", "verdict", "says"),
    [
        (['allowed_hosts = ["other.example"]'], "hosts", "bad", "mcp.example is not among"),
        (['allowed_hosts = ["mcp.example"]'], "hosts", "good", "mcp.example"),
        (['host = "0.0.0.0"'], "hosts", "warn", "any name"),
        ([], "hosts", "good", "names of this machine"),
        (['allowed_origins = ["http://app.example"]'], "origins", "warn", "is no https"),
        (['allowed_origins = ["http://localhost:3000"]'], "origins", "good", "localhost"),
        ([], "trusted proxies", "warn", "counts as the proxy"),
        (['trusted_proxies = ["10.0.0.0/24"]'], "trusted proxies", "good", "10.0.0.0/24"),
        (['trusted_proxies = ["0.0.0.0/0"]'], "trusted proxies", "bad", "everybody"),
        (['trusted_proxies = ["::/0"]'], "trusted proxies", "bad", "everybody"),
        ([], "TLS", "good", "ends at a proxy on this machine"),
        (['host = "0.0.0.0"'], "TLS", "warn", "speaks plain HTTP"),
    ],
)
def test_how_callers_reach_it(
    lines: list[str], subject: str, verdict: str, says: str, shell: Shell
) -> None:
    """Names, pages and proxies that fit the public URL, and those that do not."""
    with_setting(shell, 'public_url = "https://mcp.example"')
    for line in lines:
        with_setting(shell, line)
    found = verdicts(shell)[subject]
    assert (found[0], says in found[1]) == (verdict, True), found
    assert bool(found[2]) == (verdict != "good"), "what is not good says how to mend it"


def test_a_certificate_is_looked_at(shell: Shell) -> None:
    """Whose it is, until when, and whether its key is ours alone."""
    server_context(folder_of(shell))
    key = folder_of(shell) / "key.pem"
    key.chmod(0o600)
    for line in (
        'tls_certificate = "certificate.pem"',
        'tls_key = "key.pem"',
        'public_url = "https://127.0.0.1"',
    ):
        with_setting(shell, line)
    verdict, seen, mend = verdicts(shell)["TLS"]
    assert (verdict, "is valid until" in seen) == ("warn", True), "it has an hour to live"
    assert "renew" in mend
    assert verdicts(shell)["public URL"][0] == "good"
    with_setting(shell, 'public_url = "https://mcp.example"')
    assert verdicts(shell)["TLS"][:2] == (
        *("bad", f"{folder_of(shell) / 'certificate.pem'} is not for mcp.example"),
    )
    with_setting(shell, 'public_url = "http://127.0.0.1"')
    assert verdicts(shell)["public URL"][2] == "TLS ends here: write it with https"
    key.chmod(0o644)
    assert "everybody may read" in verdicts(shell)["TLS"][1]


def test_a_clock_that_went_back_is_told(shell: Shell) -> None:
    """Files from the future: what has expired would live again."""
    file = folder_of(shell) / "data" / "data.db"
    assert verdicts(shell)["clock"][0] != "bad"
    tomorrow = file.stat().st_mtime + 86_400
    os.utime(file, (tomorrow, tomorrow))
    assert verdicts(shell)["clock"][0] == "bad"


def test_what_the_machine_keeps_of_memory_is_told(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program that core dumps are handed to, and swap."""
    pattern, swaps = tmp_path / "core_pattern", tmp_path / "swaps"
    monkeypatch.setattr(machine, "CORE_PATTERN", pattern)
    monkeypatch.setattr(machine, "SWAPS", swaps)
    for text, verdict in (
        ("core", "good"),
        ("|/lib/systemd/systemd-coredump %P", "good"),
        ("|/opt/collector %p", "warn"),
    ):
        pattern.write_text(text)
        assert verdicts(shell)["core dumps"][0] == verdict
    swaps.write_text("Filename Type Size\n")
    assert verdicts(shell)["swap"][0] == "good"
    swaps.write_text("Filename Type Size\n/dev/sda2 partition 1\n")
    assert verdicts(shell)["swap"][:2] == ("warn", "/dev/sda2: memory may reach it")


@pytest.mark.parametrize(
    ("hard", "verdict"),
    [(1024, "warn"), (2**20, "good"), (resource.RLIM_INFINITY, "good")],
)
def test_too_few_descriptors_are_told(
    hard: int, verdict: str, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fewer than the connections that are promised."""
    monkeypatch.setattr("resource.getrlimit", lambda _: (1024, hard))
    assert verdicts(shell)["open files"][0] == verdict


def test_private_hosts_and_a_bad_vendor_file_are_told(shell: Shell) -> None:
    """What the reference prints, and what would keep `serve` from starting."""
    with_setting(shell, 'private_hosts = ["crm.internal:8443"]')
    with_setting(shell, 'vendor_file = "vendor.yaml"')
    (folder_of(shell) / "vendor.yaml").write_text("nonsense: [")
    found = verdicts(shell)
    assert found["private hosts"][:2] == ("warn", "crm.internal:8443")
    assert found["vendor file"][0] == "bad"


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("data.db", b"not a database, not at all, whatever it says" * 50, "not an SQLite"),
        ("audit.db", b"", "audit.db"),
        ("keys.db", None, "folder stands where a file belongs"),
    ],
)
def test_a_damaged_file_is_named(name: str, damage: bytes | None, says: str, shell: Shell) -> None:
    """What is wrong, in which file, and that nothing was changed."""
    path = folder_of(shell) / "data" / name
    path.unlink()
    for journal in path.parent.glob(f"{name}-*"):
        journal.unlink()
    if damage is None:
        path.mkdir()
    elif damage:
        path.write_bytes(damage)
    else:
        path.symlink_to(path.parent / "nowhere" / name)
    verdict, seen, _ = verdicts(shell)["store"]
    assert verdict == "bad"
    assert says in seen


def test_doctor_looks_at_this_machine_only(shell: Shell) -> None:
    """Asked about another deployment it says so."""
    more = ("--url", "http://127.0.0.1:1", "--token", "x")
    assert "this machine" in shell.refused(2, "doctor", *more)
