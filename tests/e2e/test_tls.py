"""TLS that ends in `serve`: nothing older than 1.2, and a new certificate without a restart."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from tests.support.certificates import server_context
from tests.support.serving import until

from mcpassport.cli.demo.processes import free_port
from mcpassport.cli.init import make_deployment

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("serving")]

SOON_S = 60
PLAIN_HTTP = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
VERSIONS = ("TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3")


def only(version: str, trusted: Path | None = None) -> ssl.SSLContext:
    """A client that speaks this version and no other, however old it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if trusted is not None:
        context.load_verify_locations(trusted)
        context.check_hostname, context.verify_mode = True, ssl.CERT_REQUIRED
    context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL refuses the old ones by itself
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        chosen = ssl.TLSVersion[version]
        context.minimum_version = context.maximum_version = chosen
    return context


def handshake(port: int, context: ssl.SSLContext) -> str | None:
    """The version that was agreed on; None when the server refused."""
    with socket.create_connection(("127.0.0.1", port), SOON_S) as raw:
        try:
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as secured:
                return secured.version()
        except (ssl.SSLError, ConnectionResetError):
            return None


def serial(port: int) -> int:
    """Which certificate is shown."""
    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=SOON_S)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


class OldServer:
    """Speaks every version: what shows that the probe could find an old one."""

    def __init__(self, folder: Path) -> None:
        context, _ = server_context(folder)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for _ in VERSIONS:
            raw, _address = self._listening.accept()
            with self._context.wrap_socket(raw, server_side=True) as secured:
                secured.recv(1)

    def close(self) -> None:
        """Every version has been probed."""
        self._thread.join(SOON_S)
        self._listening.close()


def started(config: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    """`serve`, in a session of its own."""
    command = [sys.executable, "-m", "mcpassport", "serve", "--config", str(config)]
    with log.open("wb") as output:
        return subprocess.Popen(
            [*command, "--port", str(port)], stdout=output, stderr=output, start_new_session=True
        )


@asynccontextmanager
async def secured(folder: Path) -> AsyncIterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """`serve` with a certificate of its own: the process, its port, and its log."""
    port, log = free_port(), folder / "serve.log"
    config, _, _ = await make_deployment(folder / "home", f"https://127.0.0.1:{port}")
    server_context(folder)
    (folder / "key.pem").chmod(0o600)
    lines = ('tls_certificate = "../certificate.pem"', 'tls_key = "../key.pem"', "")
    config.write_text("drain_notice_s = 0\n" + "\n".join(lines) + config.read_text())
    process = started(config, port, log)
    try:
        await until(lambda: "worker_serves" in log.read_text(), SOON_S, "a worker")
        yield process, port, log
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(SOON_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


async def test_tls_ends_here_and_nothing_older_than_1_2_is_spoken(tmp_path: Path) -> None:
    """1.2 and 1.3 yes, 1.0 and 1.1 no, plain HTTP no; a new certificate comes with SIGHUP."""
    (tmp_path / "old").mkdir()
    old = OldServer(tmp_path / "old")
    probed = [handshake(old.port, only(version)) for version in VERSIONS]
    old.close()
    assert probed == ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"], "the probe speaks them all"
    async with secured(tmp_path) as (process, port, log):
        assert [handshake(port, only(v)) for v in VERSIONS] == [None, None, "TLSv1.2", "TLSv1.3"]
        trusting = only("TLSv1_3", tmp_path / "certificate.pem")
        with (
            socket.create_connection(("127.0.0.1", port), SOON_S) as raw,
            trusting.wrap_socket(raw, server_hostname="127.0.0.1") as talking,
        ):
            talking.sendall(PLAIN_HTTP)
            head = talking.recv(65_536).partition(b"\r\n\r\n")[0].lower()
            assert head.startswith(b"http/1.1 200")
            assert b"strict-transport-security: max-age=31536000" in head
        with socket.create_connection(("127.0.0.1", port), SOON_S) as plain:
            plain.sendall(PLAIN_HTTP)
            assert b"HTTP/1.1 200" not in plain.recv(65_536)
        before = serial(port)
        (tmp_path / "key.pem").chmod(0o644)
        process.send_signal(signal.SIGHUP)
        await until(lambda: "everybody may read" in log.read_text(), SOON_S, "the refusal")
        assert serial(port) == before
        server_context(tmp_path)
        (tmp_path / "key.pem").chmod(0o600)
        process.send_signal(signal.SIGHUP)
        await until(lambda: '"reloaded"' in log.read_text(), SOON_S, "new workers")
        assert serial(port) != before
    assert process.returncode == 0
