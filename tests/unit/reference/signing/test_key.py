"""The release key on the publisher's machine."""

import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mcpassport.errors import UsageError
from mcpassport.reference.signing.key import generate_key, load_key, write_key


def test_a_written_key_is_the_one_that_is_read(tmp_path: Path) -> None:
    """With and without a passphrase; nobody else may read the file."""
    for name, passphrase in (("a", ""), ("b", "a passphrase")):
        made = write_key(tmp_path / name, passphrase)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        assert load_key(tmp_path / name, passphrase).fingerprint == made.fingerprint


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """Releases signed with it could not be followed by others."""
    made = write_key(tmp_path / "key")
    with pytest.raises(UsageError, match="never overwritten"):
        write_key(tmp_path / "key")
    assert load_key(tmp_path / "key").fingerprint == made.fingerprint


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """Whoever reads it can publish in the vendor's name."""
    write_key(tmp_path / "key")
    (tmp_path / "key").chmod(0o640)
    with pytest.raises(UsageError, match="chmod 600"):
        load_key(tmp_path / "key")


def test_what_is_wrong_with_a_key_file_is_said(tmp_path: Path) -> None:
    """Absent, no key, another kind of key, a passphrase too many or too few."""
    with pytest.raises(UsageError, match="keygen"):
        load_key(tmp_path / "absent")
    other = generate_private_key(SECP256R1())
    texts = {
        "none": b"not a key",
        "other": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text)
        (tmp_path / name).chmod(0o600)
        with pytest.raises(UsageError, match=r"PEM|another kind"):
            load_key(tmp_path / name)
    write_key(tmp_path / "plain")
    with pytest.raises(UsageError, match="has no passphrase"):
        load_key(tmp_path / "plain", "x")
    write_key(tmp_path / "locked", "x")
    with pytest.raises(UsageError, match="has a passphrase"):
        load_key(tmp_path / "locked")


def test_a_key_shows_its_fingerprint_and_cannot_be_pickled() -> None:
    """A private key never leaves its process by accident."""
    key = generate_key()
    assert key.fingerprint in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)
