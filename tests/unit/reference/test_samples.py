"""The back-off samples of the document run, wait for the reset, and give up."""

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcpassport.reference.compose import compose
from mcpassport.reference.document import Code
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.samples.backoff import ATTEMPTS, ToolCallFailed, call_tool

SAMPLES = files("mcpassport.reference.samples")
LIMITED = {"type": "rate_limited", "message": "Slow down.", "retry": {"safe": True}}
Answer: TypeAlias = tuple[int, dict[str, Any]]
DRIVER = """
import { callTool } from "./backoff.mjs";
const waits = [];
const sleep = async (seconds) => { waits.push(seconds); };
try {
  const result = await callTool(process.argv[2], "tool", { a: 1 }, {}, sleep);
  console.log(JSON.stringify({ result, waits }));
} catch (error) {
  console.log(JSON.stringify({ error: String(error.message), waits }));
}
"""


class _Upstream(ThreadingHTTPServer):
    """Answers from a list, then with its last entry for ever."""

    answers: list[Answer]
    calls: int = 0


class _Handler(BaseHTTPRequestHandler):
    server: _Upstream

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answers = self.server.answers
        status, body = answers[min(self.server.calls, len(answers) - 1)]
        self.server.calls += 1
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def upstream() -> Iterator[_Upstream]:
    server = _Upstream(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _url(server: _Upstream) -> str:
    return f"http://127.0.0.1:{server.server_port}/mcp/token"


def _error(reset: int | None, *, safe: bool = True) -> Answer:
    envelope = {**LIMITED, "retry": {"safe": safe, "after_seconds": reset}}
    return 429, {"jsonrpc": "2.0", "id": 1, "error": {"code": 429, "data": envelope}}


def _tool_error(reset: int) -> Answer:
    envelope = {**LIMITED, "retry": {"safe": True, "after_seconds": reset}}
    return 200, {"result": {"isError": True, "_meta": {"mcpassport/error": envelope}}}


DONE = (200, {"jsonrpc": "2.0", "id": 1, "result": {"content": []}})
CASES = [
    pytest.param([DONE], [], None, 1, id="at once"),
    pytest.param([_error(12), _tool_error(7), DONE], [12, 7], None, 3, id="both channels"),
    pytest.param([_error(None), DONE], [2], None, 2, id="no reset told"),
    pytest.param([_error(5)], [5] * (ATTEMPTS - 1), "rate_limited", ATTEMPTS, id="gives up"),
    pytest.param([_error(5, safe=False)], [], "rate_limited", 1, id="unsafe to repeat"),
    pytest.param([_error(4000)], [], "rate_limited", 1, id="reset too far away"),
]


def _check_waits(waits: list[float], least: list[float]) -> None:
    assert len(waits) == len(least)
    for waited, told in zip(waits, least, strict=True):
        assert told <= waited <= told + 1 + told / 10


@pytest.mark.parametrize(("answers", "least", "failure", "calls"), CASES)
def test_the_python_sample_backs_off(
    upstream: _Upstream, answers: list[Answer], least: list[float], failure: str | None, calls: int
) -> None:
    """It never waits less than the reset, adds jitter, repeats only what is safe, and ends."""
    upstream.answers = answers
    waits: list[float] = []
    if failure is None:
        assert call_tool(_url(upstream), "tool", {"a": 1}, {}, waits.append) == {"content": []}
    else:
        with pytest.raises(ToolCallFailed, match=failure):
            call_tool(_url(upstream), "tool", {"a": 1}, {}, waits.append)
    _check_waits(waits, least)
    assert upstream.calls == calls


@pytest.mark.parametrize(("answers", "least", "failure", "calls"), CASES)
def test_the_javascript_sample_backs_off(
    upstream: _Upstream,
    tmp_path: Path,
    answers: list[Answer],
    least: list[float],
    failure: str | None,
    calls: int,
) -> None:
    """The same behaviour in the other language, run by node where there is one."""
    source = SAMPLES.joinpath("backoff.js").read_text("utf-8")
    node = shutil.which("node")
    if node is None:
        assert "after_seconds" in source
        return
    upstream.answers = answers
    (tmp_path / "backoff.mjs").write_text(source)
    (tmp_path / "driver.mjs").write_text(DRIVER)
    ran = subprocess.run(
        [node, str(tmp_path / "driver.mjs"), _url(upstream)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    answer = json.loads(ran.stdout)
    assert ("error" in answer) == (failure is not None)
    assert failure is None or answer["error"].startswith(failure)
    _check_waits(answer["waits"], least)
    assert upstream.calls == calls


def test_the_document_prints_what_was_tested(make_inputs: Callable[..., Inputs]) -> None:
    """The blocks of the page are these files, less the remarks to the linter."""
    blocks = {
        node.text
        for section in compose(make_inputs()).sections
        for node in section.nodes
        if isinstance(node, Code)
    }
    for name in ("backoff.py", "backoff.js", "verify_audit.py", "verify_tools.py", "visible.py"):
        text = SAMPLES.joinpath(name).read_text("utf-8")
        shown = "\n".join(re.split("  [#] noqa", line)[0] for line in text.splitlines())
        assert shown.strip("\n") in blocks
