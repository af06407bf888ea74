"""The button of a signed page: it agrees with `reference verify` on good and on altered files."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page
from tests.support.browser import visit
from tests.support.references import NOTES, inputs_of
from tests.support.releases import Made, release_of

from mcpassport.reference.drift import Drift, with_banner
from mcpassport.reference.signing.verify import verify

pytestmark = pytest.mark.slow
Files = dict[str, bytes]
PAGE, SIGNATURE = "index.html", "signature.json"


@pytest.fixture(scope="module")
def made() -> Made:
    """A release with its files and its signature."""
    return release_of(inputs_of(NOTES))


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_told: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """That folder over HTTP on loopback, which browsers take for a secure context."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def _write(files: Files, folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def _said(page: Page) -> tuple[str | None, str]:
    """The verdict of the button once it has one, and its words."""
    said = page.locator(".check [data-verdict]:not([data-verdict=''])")
    said.wait_for()
    return said.get_attribute("data-verdict"), said.inner_text()


def _from_file(browser: Browser, folder: Path) -> tuple[str | None, str]:
    with visit(browser, (folder / PAGE).as_uri()) as seen:
        seen.page.get_by_label("Signature file").set_input_files(folder / SIGNATURE)
        return _said(seen.page)


def _from_server(browser: Browser, folder: Path) -> tuple[str | None, str]:
    with served(folder) as url, visit(browser, url) as seen:
        seen.page.get_by_role("button", name="Check this copy").click()
        said = _said(seen.page)
        assert all(request.startswith(url) for request in seen.requests)
        return said


def _replaced(name: str, old: bytes, new: bytes) -> Callable[[Files], None]:
    def tamper(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)

    return tamper


def _payload(files: Files) -> None:
    envelope = json.loads(files[SIGNATURE])
    payload = b64decode(envelope["payload"])
    envelope["payload"] = b64encode(payload.replace(b"1.0.0", b"9.0.0", 1)).decode()
    files[SIGNATURE] = json.dumps(envelope).encode()


def _signature(files: Files) -> None:
    envelope = json.loads(files[SIGNATURE])
    raw = bytearray(b64decode(envelope["signatures"][0]["sig"]))
    raw[0] ^= 1
    envelope["signatures"][0]["sig"] = b64encode(raw).decode()
    files[SIGNATURE] = json.dumps(envelope).encode()


def _keyid(files: Files) -> None:
    envelope = json.loads(files[SIGNATURE])
    envelope["signatures"][0]["keyid"] = "0" * 64
    files[SIGNATURE] = json.dumps(envelope).encode()


TAMPERED: dict[str, Callable[[Files], None]] = {
    "a word of the page": _replaced(PAGE, b"<h2 id=", b"<h2  id="),
    "a claim in the data": _replaced(PAGE, b'"sentence": "', b'"sentence": "Never '),
    "what was signed": _payload,
    "the signature": _signature,
    "the name of the key": _keyid,
    "not a signature at all": lambda files: files.update({SIGNATURE: b"{}"}),
}
ONLY_SERVED = {"a word of the page"}
"""Opened from a file, a page can be compared by the data that it carries, not by its own bytes."""


def test_a_page_as_it_was_signed_is_consistent(
    browser: Browser, made: Made, tmp_path: Path
) -> None:
    """Served and from a file; the signer is for the reader to establish, and the words say so."""
    folder = _write({**made.files, SIGNATURE: made.signed.signature}, tmp_path)
    for verdict, text in (_from_server(browser, folder), _from_file(browser, folder)):
        assert verdict == "consistent"
        assert made.key.fingerprint in text
        assert "not a dishonest host" in text


@pytest.mark.parametrize("what", TAMPERED)
def test_the_button_and_the_command_agree_on_what_was_altered(
    browser: Browser, made: Made, tmp_path: Path, what: str
) -> None:
    """Each tampering is found by both, served and, where the data tells, from a file."""
    files = {**made.files, SIGNATURE: made.signed.signature}
    TAMPERED[what](files)
    assert verify({PAGE: files[PAGE]}, files[SIGNATURE]).verdict == "altered"
    folder = _write(files, tmp_path)
    assert _from_server(browser, folder)[0] == "altered"
    expected = "consistent" if what in ONLY_SERVED else "altered"
    assert _from_file(browser, folder)[0] == expected


def test_the_banner_of_a_drift_is_no_alteration_and_hides_none(
    browser: Browser, made: Made, tmp_path: Path
) -> None:
    """The fixed banner is taken out before comparing; one with other words is an alteration."""
    page = with_banner(made.files[PAGE], Drift("1.0.0", "0" * 64, "1" * 64), "notes")
    folder = _write({PAGE: page, SIGNATURE: made.signed.signature}, tmp_path)
    assert _from_server(browser, folder)[0] == "consistent"
    forged = page.replace(b"What runs here is no longer", b"All is well: this is", 1)
    assert forged != page
    _write({PAGE: forged}, tmp_path)
    assert _from_server(browser, folder)[0] == "altered"


def test_a_host_without_the_signature_is_told_from_an_alteration(
    browser: Browser, made: Made, tmp_path: Path
) -> None:
    """Nothing was compared, so nothing is claimed."""
    folder = _write({PAGE: made.files[PAGE]}, tmp_path)
    verdict, text = _from_server(browser, folder)
    assert verdict == "unknown"
    assert text.startswith("Not checked:")
