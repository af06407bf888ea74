"""`mcpassport demo`: the main job on a real product, in plain words.

A real Kinto is the upstream; the official Python SDK is the agent; everything between is
mcpassport as it ships: the same commands, the same server process.
"""

import asyncio
import json
import secrets
import shutil
import sys
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from msgspec import convert

from mcpassport.cli.client import Api, Remote, open_api
from mcpassport.cli.demo.agents import Agents, expect
from mcpassport.cli.demo.environments import ensure_environment
from mcpassport.cli.demo.kinto import Kinto, running_kinto, seed
from mcpassport.cli.demo.processes import free_port, running
from mcpassport.cli.demo.release import publish_release, verify_release
from mcpassport.cli.init import make_deployment
from mcpassport.cli.integration import load_usable
from mcpassport.cli.openapi import OVERLAY, read, write
from mcpassport.cli.options import Flag
from mcpassport.cli.output import console
from mcpassport.errors import UsageError
from mcpassport.reference.document import Document
from mcpassport.reference.site import write as write_reference

CONTACTS = 230
TICKETS = 170
FOLDER = Path(".cache") / "demo"
AGENT_ENVIRONMENT = "mcp2"
NAME = "crm"


async def demo(*, once: Flag = False, checkout: Path = Path()) -> None:
    """Run the main job end to end on a real API, then stay up until Ctrl-C.

    Parameters
    ----------
    once
        Stop after the session instead of staying up.
    checkout
        A checkout of the project; the demo installs its parts in its .cache folder.
    """
    folder = checkout / FOLDER
    if not (checkout / "integrations" / NAME / OVERLAY).is_file():
        raise UsageError("The demo needs a checkout of the project; run it there: make demo")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        story = Story(checkout, folder, stack)
        await story.tell()
        if not once:
            await _stay()


class Story:
    """The steps, each leaving what the next one needs."""

    def __init__(self, checkout: Path, folder: Path, stack: ExitStack) -> None:
        self._checkout = checkout
        self._folder = folder
        self._stack = stack
        self._number = 0
        self._port = free_port()
        self._url = f"http://127.0.0.1:{self._port}"

    async def tell(self) -> None:
        """All steps in order; a step that does not go as promised raises."""
        kinto = self._upstream()
        agents = Agents(ensure_environment(self._checkout, AGENT_ENVIRONMENT))
        config, token = await self._deployment(kinto)
        await self._integration(kinto)
        self._serve(config)
        async with open_api(None, Remote(self._url, token)) as api:
            await self._push(api)
            account = await self._account(api, kinto)
            reading, full, factor = await self._servers(api, account)
            self._say("An agent (official Python SDK) connects to the reading server")
            agents.read(reading["url"], CONTACTS)
            self._say("Another agent uses the full server, which demands the API token")
            agents.support(full["url"], factor["token"])
            await self._refusals_are_recorded(api)
            await self._reference(api)
            self._release(config)
        self._addresses(reading, full, factor)

    def _say(self, text: str) -> None:
        self._number += 1
        console.print(f"\n[bold]{self._number}. {text}[/bold]")

    def _upstream(self) -> Kinto:
        self._say("A real product to connect: Kinto, with a bucket of contacts and tickets")
        console.print("   installing Kinto and the official MCP SDK (once)")
        kinto_python = ensure_environment(self._checkout, "kinto")
        kinto = self._stack.enter_context(
            running_kinto(kinto_python, self._folder, secrets.token_urlsafe(24))
        )
        seed(kinto, contacts=CONTACTS, tickets=TICKETS)
        console.print(f"   {CONTACTS} contacts and {TICKETS} tickets behind {kinto.url}")
        return kinto

    async def _deployment(self, kinto: Kinto) -> tuple[Path, str]:
        self._say("A deployment of mcpassport: settings, master key, data folder")
        config, _, token = await make_deployment(self._folder / "deployment", self._url)
        # Kinto listens on loopback, which is out of reach unless it is named.
        text = config.read_text()
        top, limits = text.split("# [limits]", 1)
        named = f'private_hosts = ["127.0.0.1:{kinto.port}"]\nenvironment = "demo"\n'
        config.write_text(f"{top}{named}\n# [limits]{limits}")
        console.print(f"   {config}; the first admin token is shown once by `mcpassport init`")
        return config, str(token["token"])

    async def _integration(self, kinto: Kinto) -> None:
        self._say("Kinto's own API description becomes an integration; an overlay shapes it")
        imported = await read(f"{kinto.url}/__api__", name=NAME, include=(), base_url=kinto.url)
        source = self._folder / NAME
        write(imported, source)
        shutil.copy(self._checkout / "integrations" / NAME / OVERLAY, source / OVERLAY)
        integration = load_usable(source).integration
        assert integration is not None
        console.print(f"   {imported.methods} methods imported; what could not be mapped, and why:")
        rules = Counter(finding.rule for finding in imported.unmapped)
        for rule, number in rules.most_common():
            first = next(finding for finding in imported.unmapped if finding.rule == rule)
            console.print(f"   {number:>4} {rule}, such as: {first.message}")
        made = ", ".join(f"{method.resource}.{method.method}" for method in integration.methods)
        console.print(f"   overlay.yaml makes {len(integration.methods)} methods of them: {made}")

    def _serve(self, config: Path) -> None:
        self._say("mcpassport serves")
        command = [
            *(sys.executable, "-m", "mcpassport", "serve"),
            *("--config", str(config), "--port", str(self._port)),
        ]
        self._stack.enter_context(
            running(command, self._folder / "mcpassport.log", ready=(self._port, "/version"))
        )
        console.print(f"   {self._url}")

    async def _push(self, api: Api) -> None:
        self._say("The integration is pushed: an immutable version, live at once")
        content = load_usable(self._folder / NAME).content
        version = await api.call("POST", "/integration", body=content)
        console.print(f"   {version['name']} version {version['version']}")

    async def _account(self, api: Api, kinto: Kinto) -> str:
        self._say("A tenant connects its account; the credential is sealed and never shown again")
        await api.call("POST", "/tenant", body={"id": "acme", "name": "Acme"})
        credential = {"username": kinto.username, "password": kinto.password}
        body = {
            "tenant": "acme",
            "integration": NAME,
            "name": "Acme's CRM",
            "credential_kind": "basic",
            "credential": credential,
        }
        account = await api.call("POST", "/integrated-account", body=body)
        console.print(f"   tenant acme, account {account['id']}")
        return str(account["id"])

    async def _servers(
        self, api: Api, account: str
    ) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        self._say("Two MCP servers: one reads only; one does all, with an API token on top")
        path = f"/integrated-account/{account}/mcp"
        reading = await api.call(
            "POST", path, body={"name": "Reading agent", "config": {"methods": ["read"]}}
        )
        full = await api.call(
            "POST",
            path,
            body={"name": "Support agent", "config": {"require_api_token_auth": True}},
        )
        token = {"role": "factor", "tenant": "acme", "name": "Support agent"}
        factor = await api.call("POST", "/api-token", body=token)
        console.print(f"   {reading['name']}: expires {reading['expires_at']}")
        console.print(f"   {full['name']}: expires {full['expires_at']}")
        return reading, full, factor

    async def _refusals_are_recorded(self, api: Api) -> None:
        self._say("Every call and every refusal left an audit row, without arguments or results")
        rows = await api.pages("/audit", query={"tenant": "acme"})
        by_phase = {
            phase: sum(row["phase"] == phase for row in rows)
            for phase in ("event", "intent", "outcome", "refusal")
        }
        expect(by_phase["intent"] == by_phase["outcome"] > 0, "each intent has its outcome")
        expect(by_phase["refusal"] > 0, "refusals are recorded")
        console.print("   " + ", ".join(f"{number} {phase}" for phase, number in by_phase.items()))

    async def _reference(self, api: Api) -> None:
        self._say("The published reference, from the same catalog")
        answer = await api.call("GET", f"/reference/{NAME}.json")
        files = write_reference(convert(answer, Document), self._folder / "reference")
        for file in files:
            console.print(f"   {file}")
        console.print(f"   catalog digest {answer['catalog_digest']}, the one at /version too")

    def _release(self, config: Path) -> None:
        self._say("A signed release: every check is run on a throw-away process, then published")
        fingerprint, release = publish_release(NAME, config, self._folder)
        expect(release["grades"].get("sandbox", 0) > 0, "claims are graded by their checks")
        grades = ", ".join(f"{count} {grade}" for grade, count in release["grades"].items())
        console.print(f"   {NAME} {release['number']}; claims: {grades}")
        console.print("   A customer, who was told the key's fingerprint elsewhere, verifies it:")
        address = f"{self._url}/reference/{NAME}/{release['number']}"
        verdict = verify_release(address, fingerprint)
        console.print(f"   {verdict['verdict']}: {', '.join(verdict['checked'])}")
        console.print(f"   mcpassport reference verify {address} --trust {fingerprint}")

    def _addresses(
        self, reading: dict[str, Any], full: dict[str, Any], factor: dict[str, Any]
    ) -> None:
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "list_all_crm_tickets", "arguments": {"limit": 2}},
        }
        console.print("\n[bold]Try it[/bold]")
        console.print(f"   MCP URL, reading   {reading['url']}")
        console.print(f"   MCP URL, full      {full['url']}")
        console.print(f"   API token for it   {factor['token']}")
        console.print(f"   Reference          {self._url}/reference/{NAME}")
        console.print(
            f"   curl -s {reading['url']} -H 'Content-Type: application/json' "
            f"-d '{json.dumps(body)}'"
        )


async def _stay() -> None:
    console.print("\nEverything stays up until Ctrl-C.")
    # Ctrl-C cancels this task; returning lets the processes be ended in order.
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    console.print("\nStopped.")
