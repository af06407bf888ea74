"""Certificate and key before anybody uses them: each thing that can be wrong is told."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from tests.support.certificates import server_context

from mcpassport.errors import UsageError
from mcpassport.serving.tls import check_tls, expires
from mcpassport.settings import Settings


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key, which only we can read."""
    server_context(tmp_path)
    key = tmp_path / "key.pem"
    key.chmod(0o600)
    return tmp_path / "certificate.pem", key


def refused(certificate: Path, key: Path) -> str:
    """Why the pair is not taken."""
    with pytest.raises(UsageError) as error:
        check_tls(Settings(tls_certificate=certificate, tls_key=key))
    assert error.value.__cause__ is None
    return str(error.value)


def test_a_pair_is_taken_and_none_is_needed(pair: tuple[Path, Path]) -> None:
    """Both files, or none; the group may read the key, as key groups of distributions do."""
    check_tls(Settings())
    check_tls(Settings(tls_certificate=pair[0], tls_key=pair[1]))
    pair[1].chmod(0o640)
    check_tls(Settings(tls_certificate=pair[0], tls_key=pair[1]))
    assert expires(pair[0]) > datetime.now(UTC)


def test_what_is_missing_or_open_is_named(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Which setting, which file, and how to mend it."""
    certificate, key = pair
    assert refused(tmp_path / "no.pem", key).startswith("tls_certificate: there is no file")
    assert refused(certificate, tmp_path / "no.pem").startswith("tls_key: there is no file")
    key.chmod(0o604)
    assert "chmod 600" in refused(certificate, key)


def test_what_makes_no_pair_is_told(pair: tuple[Path, Path], tmp_path: Path) -> None:
    """Another certificate's key, no PEM at all, a key that asks for a passphrase."""
    certificate, key = pair
    text = key.read_bytes()
    (tmp_path / "other").mkdir()
    server_context(tmp_path / "other")
    (tmp_path / "other" / "key.pem").chmod(0o600)
    assert "does not belong" in refused(certificate, tmp_path / "other" / "key.pem")
    key.write_bytes(b"planted nonsense")
    said = refused(certificate, key)
    assert "not a PEM certificate and its PEM key" in said
    assert "planted" not in said
    loaded = serialization.load_pem_private_key(text, None)
    key.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    assert "encrypted key" in refused(certificate, key)
