"""Runs shell blocks of the pages: bash, with `mcpassport` and `curl` on its path.

Importing the program takes longer than most commands, so `mcpassport` is a small script that hands
its arguments, folder, environment and streams to a process that has imported it once and forks for
each command. `curl` is a script too, so that a machine without one runs the pages.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS_MAX = 60

_COMMAND = """\
#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    said = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [said], [0, 1, 2])
    code = server.recv(1)
sys.exit(code[0] if code else 70)
"""
_CURL = """\
#!{python} -IS
import sys, urllib.error, urllib.request
method, url, body, headers, given = None, None, None, dict(), sys.argv[1:]
while given:
    word = given.pop(0)
    if word == "-X": method = given.pop(0)
    elif word == "-d": body = given.pop(0).encode()
    elif word == "-H":
        name, _, value = given.pop(0).partition(":")
        headers[name] = value.strip()
    elif not word.startswith("-"): url = word
    elif word != "-sS": sys.exit("curl: unknown option " + word)
request = urllib.request.Request(url, body, headers, method=method)
try:
    with urllib.request.urlopen(request) as response: print(response.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
    sys.exit(22)
"""


class Shell:
    """One folder in which blocks run in order; variables live on from block to block."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self._state = programs / "variables"
        self._variables = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
        }

    def run(self, block: str) -> subprocess.CompletedProcess[str]:
        """Run a block; its exit code is that of the command that failed first."""
        script = f"set -euo pipefail -o allexport\n{block}\nenv -0 > '{self._state}'\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS_MAX,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode == 0:
            pairs = self._state.read_text().rstrip("\0").split("\0")
            self._variables = dict(pair.split("=", 1) for pair in pairs)
        return done


@contextmanager
def shell(folder: Path, programs: Path) -> Iterator[Shell]:
    """A shell in `folder`; `programs` takes its scripts. Both exist and are empty."""
    address = str(programs / "socket")
    for name, text in (("mcpassport", _COMMAND), ("curl", _CURL)):
        script = programs / name
        script.write_text(
            text.replace("{python}", sys.executable).replace("{address!r}", repr(address))
        )
        script.chmod(0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        server = subprocess.Popen(
            [sys.executable, __file__, str(listening.fileno())], pass_fds=[listening.fileno()]
        )
    try:
        yield Shell(folder, programs)
    finally:
        server.terminate()
        server.wait(SECONDS_MAX)


def _serve(listening: socket.socket) -> None:
    """Fork for every command that comes; the program is imported once, here."""
    from mcpassport.cli.main import main  # noqa: PLC0415  # tests import this file without it

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    while True:
        connection, _ = listening.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            said, streams, *_ = socket.recv_fds(connection, 1 << 20, 3)
            arguments, folder, variables = json.loads(said)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(variables)
            code = 70
            try:
                main(arguments)
            except SystemExit as left:
                code = left.code if isinstance(left.code, int) else 1
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                connection.send(bytes([code]))
                os._exit(0)
        connection.close()


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
