"""The upstream that every row calls: nginx with bodies in memory, or else a granian app.

/v1/notes/<any>     1 KB of JSON
/v1/large/<any>     100 KB of JSON
/                   ready
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from bench.machine import LOAD_CORE, pinned

from mcpassport.cli.demo.processes import free_port, running

SMALL: Final = json.dumps({"id": "n_1", "title": "A note", "text": "x" * 950}).encode()
LARGE: Final = json.dumps(
    {"id": "n_1", "title": "A note", "text": "", "lines": ["x" * 80] * 1180}
).encode()

_CONFIG: Final = """\
daemon off; {user} worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
worker_rlimit_nofile 65536;
events {{ worker_connections 32768; }}
http {{
  access_log off; default_type application/json;
  keepalive_requests 1000000000; keepalive_timeout 3600;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  open_file_cache max=16; sendfile on; tcp_nopush on; tcp_nodelay on;
  server {{
    listen 127.0.0.1:{port} backlog=32768; root {folder};
    location /v1/notes/ {{ try_files /small.json =404; }}
    location /v1/large/ {{ try_files /large.json =404; }}
    location = / {{ return 200 '{{}}'; }}
  }}
}}
"""


class Upstream(NamedTuple):
    """The upstream as it runs."""

    kind: str
    port: int


@contextmanager
def upstream(folder: Path, *, install: bool) -> Iterator[Upstream]:
    """Serve until the block ends. nginx is installed with apt if that is allowed and possible."""
    folder.mkdir()
    (folder / "small.json").write_bytes(SMALL)
    (folder / "large.json").write_bytes(LARGE)
    port, nginx = free_port(), _nginx(install=install)
    if nginx is None:
        kind = "granian"
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws"]
        command += ["--port", str(port), "bench.apps.upstream:app"]
    else:
        kind = "nginx"
        config = folder / "nginx.conf"
        # A worker of nginx that root starts would else be nobody, who may not read our folder.
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(_CONFIG.format(folder=folder, port=port, user=user))
        command = [nginx, "-c", str(config), "-p", str(folder)]
    with running(pinned(command, LOAD_CORE), folder / "log", ready=(port, "/")):
        yield Upstream(kind, port)


def _nginx(*, install: bool) -> str | None:
    found = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if found is None and install and os.geteuid() == 0 and shutil.which("apt-get"):
        print("installing nginx-light with apt, once")
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "nginx-light"]):
            subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no input of others
        found = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    return found
