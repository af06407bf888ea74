"""Verification of a release: what was altered is found, told apart and named."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.releases import Made, release_of

from mcpassport.records.release import RELEASE_FILES
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.signing.key import generate_key
from mcpassport.reference.signing.verify import Verification, fingerprint_in, kind_of, verify

Edit = Callable[[Any], None]


@pytest.fixture
def made(make_inputs: Callable[..., Inputs]) -> Made:
    """A release, its files and its key."""
    return release_of(make_inputs())


def _verified(made: Made, files: Mapping[str, bytes] | None = None) -> Verification:
    return verify(files or made.files, made.signed.signature, made.key.fingerprint)


def _edited(content: bytes, edit: Edit) -> bytes:
    document = json.loads(content)
    edit(document)
    return json.dumps(document, indent=2).encode()


def test_an_untouched_release_is_verified(made: Made) -> None:
    """Every file as signed, by the trusted key."""
    found = _verified(made)
    assert (found.verdict, found.findings) == ("verified", ())
    assert set(found.checked) == set(RELEASE_FILES)
    assert (found.integration, found.release) == ("crm", "1.0.0")


def test_without_a_trusted_fingerprint_the_signer_is_not_established(made: Made) -> None:
    """A consistent signature alone proves no origin: anybody can sign."""
    found = verify(made.files, made.signed.signature)
    assert found.verdict == "signer not established"


def test_a_release_signed_anew_by_another_key_is_not_the_vendors(
    made: Made, make_inputs: Callable[..., Inputs]
) -> None:
    """Consistent in itself, but of a key that nobody trusts."""
    forged = release_of(make_inputs())
    found = verify(forged.files, forged.signed.signature, made.key.fingerprint)
    assert found.verdict == "altered"
    assert [each.subject for each in found.findings] == ["signer"]


def _claim(document: Any) -> Any:
    nodes = (node for section in document["sections"] for node in section["nodes"])
    return next(node for node in nodes if node["node"] == "claim")


def _tool(document: Any) -> Any:
    nodes = (node for section in document["sections"] for node in section["nodes"])
    return next(node for node in nodes if node["node"] == "tool")


@pytest.mark.parametrize(
    ("file", "edit", "subject", "name"),
    [
        (
            "reference.json",
            lambda document: _claim(document).update(sentence="Nothing is kept."),
            "claim",
            None,
        ),
        (
            "reference.json",
            lambda document: _claim(document).update(grade="live"),
            "claim",
            None,
        ),
        (
            "reference.json",
            lambda document: _tool(document).update(description="Harmless."),
            "tool",
            "get_single_crm_contact_by_id",
        ),
        (
            "reference.json",
            lambda document: document.update(catalog_digest="0" * 64),
            "member",
            "catalog_digest",
        ),
        (
            "reference.json",
            lambda document: document["sections"][0]["nodes"].pop(0),
            "section",
            "overview",
        ),
        (
            "evidence.json",
            lambda evidence: evidence["results"][0].update(verdict="fail"),
            "result",
            "SCO-01",
        ),
        (
            "evidence.json",
            lambda evidence: evidence.update(started="2031-01-01T00:00:00Z"),
            "result",
            "the run itself",
        ),
    ],
)
def test_what_was_altered_is_named(
    file: str, edit: Edit, subject: str, name: str | None, made: Made
) -> None:
    """A claim, a tool, a member, a section, a result: each is told from the others."""
    files = {**made.files, file: _edited(made.files[file], edit)}
    found = _verified(made, files)
    assert found.verdict == "altered"
    assert {each.subject for each in found.findings} == {subject}
    if name:
        assert [each.name for each in found.findings] == [name]


@pytest.mark.parametrize("file", ["index.html", "reference.md"])
def test_an_altered_rendering_is_named(file: str, made: Made) -> None:
    """The page and the Markdown are covered byte by byte."""
    files = {**made.files, file: made.files[file].replace(b"never", b"seldom", 1)}
    found = _verified(made, files)
    assert [(each.subject, each.name) for each in found.findings] == [("rendering", file)]


def test_an_altered_signature_is_named(made: Made) -> None:
    """The signature is no longer one of that payload."""
    envelope = json.loads(made.signed.signature)
    sig = bytearray(b64decode(envelope["signatures"][0]["sig"]))
    sig[0] ^= 1
    envelope["signatures"][0]["sig"] = b64encode(bytes(sig)).decode()
    found = verify(made.files, json.dumps(envelope).encode(), made.key.fingerprint)
    assert [each.subject for each in found.findings] == ["signature"]


def test_another_key_cannot_be_slipped_into_the_statement(made: Made) -> None:
    """The key that the statement carries is under the signature."""
    envelope = json.loads(made.signed.signature)
    statement = json.loads(b64decode(envelope["payload"]))
    other = generate_key()
    statement["predicate"]["mcpassport"]["key"] = b64encode(other.public).decode()
    envelope["payload"] = b64encode(json.dumps(statement).encode()).decode()
    envelope["signatures"][0]["keyid"] = other.fingerprint
    found = verify(made.files, json.dumps(envelope).encode())
    assert [each.subject for each in found.findings] == ["signature"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_no_single_byte_can_change_unnoticed(made: Made, data: st.DataObject) -> None:
    """Whatever byte of whatever file: the verdict is `altered`."""
    name = data.draw(st.sampled_from([*RELEASE_FILES, "signature"]))
    content = bytearray(made.signed.signature if name == "signature" else made.files[name])
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    if name == "signature":
        try:
            same = json.loads(bytes(content)) == json.loads(made.signed.signature)
        except ValueError:
            same = False
        found = verify(made.files, bytes(content), made.key.fingerprint)
        # White space of the envelope is outside of what it seals.
        assert found.verdict == ("verified" if same else "altered")
    else:
        found = _verified(made, {**made.files, name: bytes(content)})
        assert found.verdict == "altered"


@settings(max_examples=200)
@given(st.binary(max_size=400))
def test_any_bytes_as_signature_file_are_judged_and_never_crash(content: bytes) -> None:
    """Whatever is given as a signature file: it is no signature."""
    found = verify({}, content)
    assert [each.subject for each in found.findings] == ["signature"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("AB:" * 31 + "AB", True),
        ("sha256:" + "ab" * 32, True),
        ("ab" * 31, False),
        ("", False),
        ("zz" * 32, False),
    ],
)
def test_a_fingerprint_is_read_as_people_copy_it(text: str, same: bool) -> None:
    """Colons, capitals, a prefix; anything else is none."""
    assert fingerprint_in(text) == ("ab" * 32 if same else "")


def test_a_file_of_any_name_is_known_by_its_content(made: Made) -> None:
    """Somebody saved the page under another name."""
    assert {kind_of("x", content) for content in made.files.values()} == set(made.files)
