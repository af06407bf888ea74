"""What the demo's agents do, through the official SDK in its own environment."""

import json
import subprocess
from pathlib import Path
from typing import Any

from mcpassport.cli.output import console, print_table
from mcpassport.errors import UsageError

AGENT = Path(__file__).with_name("agent.py")


class Agents:
    """Agents that share one environment; every session is a process of its own."""

    def __init__(self, python: Path) -> None:
        self._python = python

    def session(
        self, url: str, steps: list[dict[str, Any]], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Run the steps in one session of the SDK; what it answered."""
        asked = json.dumps({"url": url, "headers": headers or {}, "steps": steps})
        done = subprocess.run(  # noqa: S603 the agent's own interpreter
            [str(self._python), str(AGENT)],
            input=asked,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UsageError(f"The agent's process failed:\n{done.stderr[-2000:]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def read(self, url: str, contacts: int) -> None:
        """List tools, read every contact by cursor, and be refused a write."""
        steps: list[dict[str, Any]] = [
            {"op": "list"},
            {"op": "read_all", "tool": "list_all_crm_contacts", "arguments": {"limit": 50}},
            {"op": "call", "tool": "create_a_crm_ticket", "arguments": {"subject": "No"}},
        ]
        tools, found, write_attempt = self.session(url, steps)["answers"]
        names = [tool["name"] for tool in tools["tools"]]
        expect(all("create" not in name for name in names), "no tool that writes is listed")
        print_table(
            "   What the model sees",
            {"tool": "name", "title": "title"},
            tools["tools"],
            "no tool",
        )
        ids = {record["id"] for record in found["records"]}
        expect(len(ids) == len(found["records"]) == contacts, "every contact, none twice")
        console.print(f"   read {len(ids)} contacts in pages of {found['pages']}")
        expect(write_attempt["error"], "a write is refused on the reading server")
        console.print(f"   a write is refused: {write_attempt['text']}")

    def support(self, url: str, token: str) -> None:
        """Be refused without the API token; with it, create and update a ticket."""
        refused = self.session(url, [{"op": "list"}])
        expect(refused["refused"] is not None, "without the API token the session is refused")
        console.print(f"   without the API token: {refused['refused']['text']}")
        headers = {"Authorization": f"Bearer {token}"}
        ticket = {
            "subject": "Opened by the demo",
            "status": "open",
            "priority": "normal",
            "contact_id": "contact-0007",
        }
        steps: list[dict[str, Any]] = [
            {"op": "call", "tool": "create_a_crm_ticket", "arguments": ticket}
        ]
        (created,) = self.session(url, steps, headers)["answers"]
        expect(not created["error"], f"the ticket is created: {created['text']}")
        record = json.loads(created["text"])
        console.print(f"   created {record['id']}: {record['subject']!r}, {record['status']}")
        change = {"id": record["id"], "status": "solved"}
        steps = [
            {"op": "call", "tool": "update_a_crm_ticket_by_id", "arguments": change},
            {
                "op": "call",
                "tool": "get_single_crm_ticket_by_id",
                "arguments": {"id": record["id"]},
            },
        ]
        updated, seen = self.session(url, steps, headers)["answers"]
        expect(not updated["error"], f"the ticket is updated: {updated['text']}")
        expect(json.loads(seen["text"])["status"] == "solved", "the update is seen by a read")
        console.print(f"   updated {record['id']}: solved")


def expect(held: object, promise: str) -> None:
    """Stop the demo when it does not show what it says."""
    if not held:
        raise UsageError(f"The demo did not go as promised: {promise}.")
