"""TLS that ends in `serve`: nothing older than 1.2, and a new certificate without a restart."""

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from tests.support.certificates import server_context
from tests.support.handshakes import VERSIONS, OldServer, handshake, only
from tests.support.serving import until

from mcpassport.cli.demo.processes import free_port
from mcpassport.cli.init import make_deployment

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("serving")]

SOON_S = 60
PLAIN_HTTP = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def serial(port: int) -> int:
    """Which certificate is shown."""
    pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=SOON_S)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


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
