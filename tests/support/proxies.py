"""Real proxies with the files of `deploy/`, moved to ports and folders of a test."""

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import NamedTuple

from tests.support.certificates import server_context
from tests.support.debian import program

from mcpassport.cli.demo.environments import ensure_environment
from mcpassport.cli.demo.processes import free_port

ROOT = Path(__file__).parents[2]
NAME = "mcp.vendor.example"
CLIENT = "127.0.0.2"
"""Where requests come from: another address than the proxy's own."""
START_S = 60
STOP_S = 20


class Proxy(NamedTuple):
    """A running proxy: where it listens with TLS, and the folder of its logs."""

    port: int
    plain_port: int
    folder: Path

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request as a client of the published name sends it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = HTTPSConnection(
            "127.0.0.1", self.port, timeout=START_S, context=context, source_address=(CLIENT, 0)
        )
        try:
            connection.request(method, path, body or None, {"host": NAME, **(headers or {})})
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return response.status, named, response.read()
        finally:
            connection.close()

    def logs(self) -> bytes:
        """Every byte that it wrote anywhere below its folder."""
        return b"\n".join(p.read_bytes() for p in sorted(self.folder.rglob("*.log")))


@contextmanager
def _running(
    command: Sequence[str], folder: Path, port: int, environment: Mapping[str, str]
) -> Iterator[None]:
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, start_new_session=True, env=environment
        )
    try:
        for _ in range(START_S * 20):
            assert process.poll() is None, (folder / "output.log").read_text()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.05)
            else:
                break
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """The text with every change made; one that finds nothing to change fails."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def running_nginx(
    folder: Path, upstream: int, changes: Mapping[str, str] | None = None
) -> Iterator[Proxy]:
    """Nginx with `deploy/nginx/mcpassport.conf`; `changes` are what a control plants."""
    folder.mkdir()
    server_context(folder)
    port, plain = free_port(), free_port()
    text = (ROOT / "deploy" / "nginx" / "mcpassport.conf").read_text()
    moved = replaced(
        text,
        {
            "server 127.0.0.1:8080;": f"server 127.0.0.1:{upstream};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "/etc/ssl/mcp.vendor.example.pem": str(folder / "certificate.pem"),
            "/etc/ssl/mcp.vendor.example.key": str(folder / "key.pem"),
            "/var/log/nginx": str(folder),
            **(changes or {}),
        },
    )
    (folder / "site.conf").write_text(moved)
    temporary = "".join(
        f"    {kind}_temp_path {folder / kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder / 'nginx.pid'};\n"
        f"error_log {folder / 'main.log'} notice;\nevents {{}}\n"
        f"http {{\n{temporary}    access_log {folder / 'other.log'};\n"
        f"    include {folder / 'site.conf'};\n}}\n"
    )
    boot = ["-e", str(folder / "main.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    nginx = program("nginx", "nginx")
    tested = [nginx.path, "-t", *boot]
    subprocess.run(tested, check=True, capture_output=True, env=nginx.environment)
    with _running([nginx.path, *boot], folder, port, nginx.environment):
        yield Proxy(port, plain, folder)


def tool(name: str) -> str:
    """A program of `requirements/deploy.lock`."""
    return str(ensure_environment(ROOT, "deploy").with_name(name))


@contextmanager
def running_envoy(
    folder: Path, upstream: int, changes: Mapping[str, str] | None = None
) -> Iterator[Proxy]:
    """Envoy with `deploy/envoy/envoy.yaml`; `changes` are what a control plants."""
    folder.mkdir()
    server_context(folder)
    port = free_port()
    moved = replaced(
        (ROOT / "deploy" / "envoy" / "envoy.yaml").read_text(),
        {
            "address: 127.0.0.1, port_value: 8080": f"address: 127.0.0.1, port_value: {upstream}",
            "address: 0.0.0.0, port_value: 443": f"address: 127.0.0.1, port_value: {port}",
            "/etc/ssl/mcp.vendor.example.pem": str(folder / "certificate.pem"),
            "/etc/ssl/mcp.vendor.example.key": str(folder / "key.pem"),
            "/var/log/envoy": str(folder),
            **(changes or {}),
        },
    )
    (folder / "envoy.yaml").write_text(moved)
    options = ["-c", str(folder / "envoy.yaml"), "--concurrency", "1", "--disable-hot-restart"]
    validated = subprocess.run(
        [tool("envoy"), "--mode", "validate", *options], check=False, capture_output=True, text=True
    )
    assert validated.returncode == 0, validated.stderr
    with _running([tool("envoy"), *options], folder, port, dict(os.environ)):
        yield Proxy(port, 0, folder)
