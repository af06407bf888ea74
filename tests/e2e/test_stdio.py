"""`mcpassport stdio` as clients start it: the official SDKs, and a shell that pipes lines."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.e2e.conftest import AGENT, CONTACTS, Client, Live

STDIO_AGENT = Path(__file__).with_name("stdio_agent.py")
COMMAND = [sys.executable, "-m", "mcpassport", "stdio"]
PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


def session(
    client: Client, folder: Path, steps: list[dict[str, Any]], options: list[str], **secrets: str
) -> dict[str, Any]:
    """Run the steps in one session over the command; the secrets are its environment."""
    errors = folder / "errors.log"
    started = {"command": [*COMMAND, *options], "environment": secrets, "errors": str(errors)}
    asked = {"url": started, "mode": client.mode, "steps": steps}
    done = subprocess.run(
        [str(client.python), str(STDIO_AGENT), str(AGENT.parent)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["refused"] is None, answer
    for secret in secrets.values():
        assert secret not in errors.read_text() + " ".join(started["command"])
    return answer


def test_an_agent_pages_through_a_list_over_stdio(
    live: Live, client: Client, tmp_path: Path
) -> None:
    """Each official client, in its own era: the tools, every contact once, a refused write."""
    server = live.server("stdio", methods=["read"])
    steps: list[dict[str, Any]] = [
        {"op": "list"},
        {"op": "read_all", "tool": "list_all_crm_contacts", "arguments": {"limit": 40}},
        {"op": "call", "tool": "create_a_crm_ticket", "arguments": {"subject": "No"}},
    ]
    options = ["--url-env", "SERVER"]
    answers = session(client, tmp_path, steps, options, SERVER=server["url"])["answers"]
    tools, contacts, write = answers
    assert "list_all_crm_contacts" in {tool["name"] for tool in tools["tools"]}
    ids = [record["id"] for record in contacts["records"]]
    assert len(ids) == len(set(ids)) == CONTACTS
    assert write["error"]
    assert "No tool of that name" in write["text"]


def test_a_token_in_a_header_and_a_second_factor(
    live: Live, client: Client, tmp_path: Path
) -> None:
    """Both secrets come from the environment, neither is in the command line or the log."""
    server = live.server("stdio factor", methods=["read"], require_api_token_auth=True)
    options = ["--url", server["header_url"], "--server-token-env", "A", "--api-token-env", "B"]
    secrets = {"A": server["token"], "B": live.factor()}
    (tools,) = session(client, tmp_path, [{"op": "list"}], options, **secrets)["answers"]
    assert len(tools["tools"]) > 0


def bridged(lines: bytes, *options: str, **environment: str) -> tuple[int, list[Any], str]:
    """Pipe lines into the command: exit code, answers, standard error."""
    done = subprocess.run(
        [*COMMAND, *options],
        input=lines,
        capture_output=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, answers, done.stderr.decode()


def test_lines_are_answered_and_the_end_of_input_ends_it(live: Live, tmp_path: Path) -> None:
    """Only JSON-RPC on standard output, exit code 0, and a file is as good as a variable."""
    server = live.server("piped", methods=["read"])
    file = tmp_path / "url"
    file.write_text(server["url"] + "\n")
    file.chmod(0o600)
    listing = b'{"jsonrpc":"2.0","id":"two","method":"tools/list"}'
    code, answers, errors = bridged(PING + b"\n{\n" + listing, "--url-file", str(file))
    assert code == 0
    by_id = {answer.get("id"): answer for answer in answers}
    assert by_id[1]["result"] == {}
    assert by_id["two"]["result"]["tools"]
    assert by_id[None]["error"]["code"] == -32700
    assert server["token"] not in errors
    file.chmod(0o644)
    assert "chmod 600" in bridged(b"", "--url-file", str(file))[2]


def test_a_url_on_the_command_line_is_warned_of(live: Live) -> None:
    """It works, and says that other processes can read it, without repeating it."""
    server = live.server("argv", methods=["read"])
    code, answers, errors = bridged(PING, "--url", server["url"])
    assert (code, answers[0]["result"]) == (0, {})
    assert "other processes can read" in errors
    assert server["token"] not in errors


def test_a_revoked_url_is_told_in_json_rpc(live: Live) -> None:
    """The client reads why; nothing of the address is repeated."""
    server = live.server("revoked", methods=["read"])
    live.api("DELETE", f"/integrated-account/{live.account}/mcp/{server['id']}")
    code, answers, errors = bridged(PING, "--url-env", "U", U=server["url"])
    assert (code, answers[0]["error"]["data"]["type"]) == (0, "not_found")
    assert "not_found" in errors
    assert server["token"] not in errors + json.dumps(answers)
