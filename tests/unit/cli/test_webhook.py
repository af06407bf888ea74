"""`mcpassport webhook`, over a deployment on this machine."""

from tests.support.commands import Shell

AWAY = "https://hook.invalid/events"


def test_webhooks(shell: Shell) -> None:
    """Made with a key that is shown once, listed, shown, resumed and deleted."""
    shell.ok("tenant", "create", "Acme", "--id", "acme")
    of = ("--tenant", "acme")
    assert "No webhook" in shell.ok("webhook", "list", *of)
    made = shell.json("webhook", "create", AWAY, *of, "--events", "server.revoke")
    assert made["secret_key"].startswith("whsec_")
    assert "shown this once" in shell.ok("webhook", "create", AWAY)
    assert AWAY in shell.ok("webhook", "list", *of)
    shown = shell.json("webhook", "show", made["id"], *of)
    assert (shown["events"], shown["secret_key"]) == (["server.revoke"], None)
    assert "is told again" in shell.ok("webhook", "resume", made["id"], *of)
    assert "add --yes" in shell.refused(2, "webhook", "delete", made["id"], *of)
    shell.ok("webhook", "delete", made["id"], *of, "--yes")
    assert "No such webhook" in shell.refused(1, "webhook", "show", made["id"], *of)


def test_one_that_is_not_there_does_not_take_a_test(shell: Shell) -> None:
    """The exit code says so; an address that is none is refused before."""
    made = shell.json("webhook", "create", AWAY)
    ran = shell("webhook", "test", made["id"], "--json")
    assert (ran.code, ran.json()) == (1, {"taken": False, "status": None})
    assert "https://host" in shell.refused(1, "webhook", "create", "http://hook.example/")
