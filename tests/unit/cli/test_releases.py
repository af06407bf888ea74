"""`reference keygen`, `publish`, `diff`, `check`, `verify`: what they print and how they end."""

import json
from pathlib import Path

import pytest
from tests.support.commands import Shell
from tests.support.deployment import NOTES
from tests.support.releases import Made, release_of

from mcpassport.catalog.build import build
from mcpassport.cli.options import DEFAULTS
from mcpassport.cli.reference import from_folder
from mcpassport.integrations.load import load_folder
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.vendor import Vendor

AT = "2030-01-31T12:00:00Z"


@pytest.fixture
def made() -> Made:
    """A release of the notes."""
    integration = load_folder(NOTES).integration
    assert integration is not None
    document = from_folder(NOTES, None, None, DEFAULTS)
    return release_of(
        Inputs(
            facts=Facts(public_url="https://mcp.acme.example"),
            integration=integration,
            catalog=build(integration),
            vendor=Vendor(),
            generated_at=document.generated_at,
            build=document.build,
        )
    )


@pytest.fixture
def folder(made: Made, tmp_path: Path) -> Path:
    """Its files as somebody downloaded them."""
    out = tmp_path / "release"
    out.mkdir()
    for name, content in made.files.items():
        (out / name).write_bytes(content)
    (out / "signature.json").write_bytes(made.signed.signature)
    return out


def test_a_key_is_made_once_and_its_fingerprint_shown(tmp_path: Path, bare: Shell) -> None:
    """The file is the owner's alone; a second one is not written over it."""
    told = bare.json("reference", "keygen", tmp_path / "release.key")
    assert len(told["fingerprint"]) == 64
    assert (tmp_path / "release.key").stat().st_mode & 0o077 == 0
    again = bare.refused(2, "reference", "keygen", tmp_path / "release.key")
    assert "never overwritten" in again


def test_publishing_over_the_network_is_refused_with_the_reason(
    tmp_path: Path, bare: Shell
) -> None:
    """The release key never reaches a serving process."""
    more = ("--key", tmp_path / "k", "--url", "http://127.0.0.1:1", "--token", "x")
    assert "never reaches a serving process" in bare.refused(
        2, "reference", "publish", "notes", *more
    )


def test_publishing_what_was_never_pushed_is_refused(tmp_path: Path, shell: Shell) -> None:
    """There is nothing to describe."""
    shell.ok("reference", "keygen", tmp_path / "k")
    assert "No integration" in shell.refused(
        1, "reference", "publish", "absent", "--key", tmp_path / "k"
    )


def test_verify_ends_with_what_it_found(folder: Path, made: Made, bare: Shell) -> None:
    """0 verified, 3 signer not established, 1 altered and named, 2 unusable."""
    trust = ("--trust", made.key.fingerprint)
    assert "Verified" in bare.ok("reference", "verify", folder, *trust)
    consistent = bare("reference", "verify", folder)
    assert (consistent.code, "signer not established" in consistent.out) == (3, True)
    assert "Verified" in bare.ok("reference", "verify", folder / "index.html", *trust)
    document = json.loads((folder / "reference.json").read_text())
    document["tool_count"] = 99
    (folder / "reference.json").write_text(json.dumps(document))
    altered = bare("reference", "verify", folder, *trust, "--json")
    assert altered.code == 1
    assert [each["name"] for each in altered.json()["findings"]] == ["tool_count"]
    assert "no fingerprint" in bare.refused(2, "reference", "verify", folder, "--trust", "abc")
    assert "cannot be read" in bare.refused(2, "reference", "verify", folder / "absent.json")
    (folder / "signature.json").unlink()
    assert "--signature" in bare.refused(2, "reference", "verify", folder / "index.html")


def test_a_file_is_verified_under_any_name(folder: Path, made: Made, bare: Shell) -> None:
    """Browsers save pages under the title."""
    saved = (folder / "index.html").rename(folder / "Notes reference.html")
    more = ("--trust", made.key.fingerprint, "--signature", folder / "signature.json")
    assert "Verified" in bare.ok("reference", "verify", saved, *more)


def test_diff_tells_what_changed_between_two_documents(
    folder: Path, tmp_path: Path, bare: Shell
) -> None:
    """By level, gravest first; nothing where nothing did."""
    same = folder / "reference.json"
    assert bare.json("reference", "diff", same, same) == []
    document = json.loads(same.read_text())
    for section in document["sections"]:
        section["nodes"] = [node for node in section["nodes"] if node["node"] != "tool"]
    (tmp_path / "less.json").write_text(json.dumps(document))
    changes = bare.json("reference", "diff", same, tmp_path / "less.json")
    assert {each["level"] for each in changes} == {"major"}
    assert "no reference.json" in bare.refused(2, "reference", "diff", same, folder / "index.html")


def test_check_is_a_gate(folder: Path, bare: Shell, shell: Shell) -> None:
    """1 where what is there was not published, 0 where it was."""
    written = folder.parent / "built"
    bare.ok("reference", "build", NOTES, "--out", written, "--at", AT)
    against = ("--against", written / "reference.json")
    assert "is what there is" in bare.ok("reference", "check", NOTES, *against)
    document = json.loads((written / "reference.json").read_text())
    document["protocol_revisions"].append("1999-01-01")
    (written / "reference.json").write_text(json.dumps(document))
    assert bare("reference", "check", NOTES, *against).code == 1
    assert "--against" in bare.refused(2, "reference", "check", NOTES)
    shell.ok("integration", "push", NOTES)
    unpublished = shell("reference", "check", "notes")
    assert (unpublished.code, "No release" in unpublished.out) == (1, True)
    assert shell.json("reference", "releases", "notes") == []
