"""`integration`: check, push, compare, roll back and try from a folder."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.commands import Answering, Shell
from tests.support.deployment import CREDENTIAL, NOTES
from tests.support.lab import Lab, rule, running_lab


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the notes integration."""
    return Path(shutil.copytree(NOTES, tmp_path / "notes"))


def edit(folder: Path, old: str, new: str, file: str = "integration.yaml") -> None:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))


def test_a_good_folder_passes_the_check(folder: Path, bare: Shell) -> None:
    """Exit code 0, a score, and as JSON the count of tools."""
    assert "of 100" in bare.ok("integration", "check", folder)
    document = bare.json("integration", "check", folder)
    assert document["tools"] == 6
    assert {finding["severity"] for finding in document["findings"]} <= {"warning"}


def test_findings_say_where_and_how_to_mend(folder: Path, bare: Shell) -> None:
    """Errors of quality are exit code 1, with --strict warnings too, and each has its line."""
    edit(folder, "label: Notes\ndesc", "label: Notes\nadd: 1\ndesc")
    ran = bare("integration", "check", folder)
    assert ran.code == 2
    assert "integration.yaml:4" in ran.out
    assert "mend:" in ran.out
    assert "must be mended first" in ran.out


def test_strict_counts_warnings(folder: Path, bare: Shell) -> None:
    """What passes with warnings does not pass strictly."""
    edit(folder, ", description: The note itself.", "", "docs/notes.yaml")
    loose, strict = (bare("integration", "check", folder, *more) for more in ((), ("--strict",)))
    assert "warning" in loose.out
    assert (loose.code, strict.code) == (0, 1)


@pytest.mark.parametrize("command", ["check", "push"])
def test_a_folder_that_is_none_is_exit_code_2(command: str, tmp_path: Path, shell: Shell) -> None:
    """Missing, empty, or a file: said with its name."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("absent", "empty", "file"):
        assert name in shell.refused(2, "integration", command, tmp_path / name)


def test_push_compare_and_roll_back(folder: Path, shell: Shell, answering: Answering) -> None:
    """The life of an integration on the command line."""
    assert "notes is live as version 1" in shell.ok("integration", "push", folder, "--note", "one")
    assert shell.json("integration", "push", folder)["version"] == 1
    edit(folder, "label: Notes\n", "label: Notes Two\n")
    said = shell.refused(1, "integration", "push", folder, "--expect-version", "7")
    assert "Version 1 is live" in said
    shell.ok("integration", "push", folder, "--expect-version", "1")
    assert "Notes Two" in shell.ok("integration", "list")
    versions = shell.ok("integration", "versions", "notes")
    assert "one" in versions
    assert [v["version"] for v in shell.json("integration", "versions", "notes")] == [1, 2]
    assert "label" in shell.ok("integration", "diff", "notes", "1", "2")
    assert "No difference" in shell.ok("integration", "diff", "notes", "2", "2")
    assert "add --yes" in shell.refused(2, "integration", "rollback", "notes", "1")
    answering("y")
    assert "3" in shell.ok("integration", "rollback", "notes", "1")
    assert "no_such_object" in shell.refused(1, "integration", "diff", "notes", "1", "9")


def test_a_breaking_difference_is_exit_code_1(folder: Path, shell: Shell) -> None:
    """So that a script can stop."""
    shell.ok("integration", "push", folder)
    edit(folder, "enum: [active, archived]", "enum: [active]", "docs/notes.yaml")
    shell.ok("integration", "push", folder)
    ran = shell("integration", "diff", "notes", "1", "2")
    assert (ran.code, "yes" in ran.out) == (1, True)
    document = shell("integration", "diff", "notes", "1", "2", "--json")
    assert document.code == 1
    assert document.json()["changes"][0]["breaking"]


def test_a_broken_push_lists_every_problem(folder: Path, shell: Shell) -> None:
    """With file and line, before anything is sent."""
    edit(folder, "http: PATCH", "http: FETCH")
    edit(folder, "path: /notes/{{args.id}}/archive", "path: notes")
    said = shell.refused(2, "integration", "push", folder)
    assert said.count("integration.yaml:") == 2
    assert shell.json("integration", "list") == []


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A real upstream process."""
    with running_lab() as running:
        yield running


@pytest.fixture
def account(folder: Path, shell: Shell, lab: Lab) -> str:
    """An account whose API is the lab."""
    assert shell.config is not None
    text = shell.config.read_text()
    shell.config.write_text(f'private_hosts = ["{lab.listing}"]\n{text}')
    edit(folder, "https://api.notes.example/v1", f"{lab.origin}/v1")
    shell.ok("integration", "push", folder)
    shell.ok("tenant", "create", "Acme", "--id", "acme")
    lab.forget()
    made = shell.json(
        *("account", "create", "notes", "--tenant", "acme", "--name", "N", "--kind", "bearer"),
        *("--credential", f"token={CREDENTIAL}"),
    )
    return str(made["id"])


def test_a_try_out_shows_request_response_and_result(shell: Shell, account: str, lab: Lab) -> None:
    """Stage by stage for people, one document for scripts, the credential in neither."""
    lab.answers(rule("/v1/notes/7", json={"id": "7", "title": "Milk [bold]"}))
    args = ("--account", account, "--args", '{"id": "7"}')
    out = shell.ok("integration", "try", "notes.get", *args)
    for text in ("get_single_notes_note_by_id", f"GET {lab.origin}/v1/notes/7", "200", "[bold]"):
        assert text in out
    assert "Authorization: ****" in out
    document = shell.json("integration", "try", "notes.get", *args)
    assert document["result"] == {"id": "7", "title": "Milk [bold]"}
    assert CREDENTIAL not in out + json.dumps(document)
    assert [seen.header("authorization") for seen in lab.requests()] == [f"Bearer {CREDENTIAL}"] * 2


def test_a_try_out_shows_the_blocks(shell: Shell, account: str, lab: Lab) -> None:
    """A picture is told by type and size, a text shown; without JSON there is no result."""
    args = ("--account", account, "--args", '{"id": "7"}')
    lab.answers(rule("/v1/notes/7", b"\x89PNG\xff", headers=[["Content-Type", "image/png"]]))
    out = shell.ok("integration", "try", "notes.get", *args)
    assert "image: image/png, 5 bytes" in out
    assert "Result" not in out
    lab.answers(rule("/v1/notes/7", "# [bold]", headers=[["Content-Type", "text/markdown"]]))
    out = shell.ok("integration", "try", "notes.get", *args)
    assert "text: 8 bytes" in out
    assert "# [bold]" in out


def test_a_try_out_shows_progress(shell: Shell, account: str, lab: Lab, folder: Path) -> None:
    """Step by step, before the result."""
    more = "        stream: ndjson\n        progress: body\n"
    edit(folder, "        scopes: [notes.read]\n      create", f"{more}      create")
    lines = '{"progress":1,"total":4,"message":"[one]"}\n{"progress":2.5}\n'
    lab.answers(rule("/v1/notes/7", lines, headers=[["Content-Type", "text/plain"]]))
    args = ("--account", account, "--args", '{"id": "7"}', "--folder", folder)
    out = shell.ok("integration", "try", "notes.get", *args)
    assert "1 of 4, [one]" in out
    assert "2.5 (" in out
    assert out.index("Progress") < out.index("Result")


def test_a_dry_run_sends_nothing(shell: Shell, account: str, lab: Lab) -> None:
    """Request only."""
    args = ("--account", account, "--args", '{"id": "7"}', "--dry-run")
    assert "/v1/notes/7" in shell.ok("integration", "try", "notes.get", *args)
    assert shell.json("integration", "try", "notes.get", *args)["sent"] is False
    assert lab.requests() == []


def test_a_failing_try_out_is_exit_code_1(shell: Shell, account: str, lab: Lab) -> None:
    """The upstream's refusal is shown with its kind."""
    lab.answers(rule("/v1/notes/7", status=403, json={"error": {"message": "no"}}))
    args = ("--account", account, "--args", '{"id": "7"}')
    ran = shell("integration", "try", "notes.get", *args)
    assert (ran.code, "Error" in ran.out, "403" in ran.out) == (1, True, True)


def test_a_folder_can_be_tried_before_it_is_pushed(
    shell: Shell, account: str, lab: Lab, folder: Path
) -> None:
    """What is live stays."""
    edit(folder, "/v1", "/v2")
    lab.answers(rule("/v2/notes/7", json={"id": "7"}))
    args = ("--account", account, "--args", '{"id": "7"}', "--folder", folder)
    assert shell.json("integration", "try", "notes.get", *args)["result"] == {"id": "7"}
    assert shell.json("integration", "list")[0]["version"] == 1


@pytest.mark.parametrize(
    ("method", "args", "code", "says"),
    [
        ("notes", "{}", 2, "RESOURCE.METHOD"),
        ("notes.get", "[]", 2, "not a JSON object"),
        ("notes.get", "{", 2, "not a JSON object"),
        ("notes.get", "{}", 1, "id"),
        ("notes.fetch", "{}", 1, "there are: notes."),
    ],
)
def test_what_cannot_be_tried_is_told(
    method: str, args: str, code: int, says: str, shell: Shell, account: str
) -> None:
    """Before anything is sent."""
    said = shell.refused(code, "integration", "try", method, "--account", account, "--args", args)
    assert says in said
