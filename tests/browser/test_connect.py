"""A customer connects an account in a real browser: at a real provider, and by a form."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.axe import findings
from tests.support.browser import PHONE, visit
from tests.support.connecting import VENDOR, connected_notes, written
from tests.support.deployment import CREDENTIAL, NOTES
from tests.support.oidc import Client, Provider, running_provider

from mcpassport.cli.demo.processes import free_port, running


@dataclass
class House:
    """A deployment that serves, and its command line."""

    config: Path
    port: int

    def run(self, *arguments: object) -> Any:
        """One command; its JSON."""
        command = [sys.executable, "-m", "mcpassport", *map(str, arguments)]
        done = subprocess.run(
            [*command, "--config", str(self.config), "--json"], capture_output=True, check=True
        )
        return json.loads(done.stdout)

    def link(self, integration: str, **more: str) -> Any:
        """A link for an account of acme."""
        options = [part for name, value in more.items() for part in (f"--{name}", value)]
        what = ("account", "link", integration, "--tenant", "acme", "--name", "Ours")
        return self.run(*what, *options)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def provider(port: int) -> Iterator[Provider]:
    back = f"http://127.0.0.1:{port}/connect/callback"
    with running_provider(Client(VENDOR.id, VENDOR.secret, redirects=(back,))) as found:
        found.set(scopes="read write notes.read notes.write", consent="ask")
        yield found


@pytest.fixture(scope="module")
def house(
    port: int, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("connect")
    home = folder / "home"
    made = House(home / "mcpassport.toml", port)
    program = [sys.executable, "-m", "mcpassport"]
    address = f"http://127.0.0.1:{port}"
    subprocess.run([*program, "init", home, "--public-url", address], check=True)
    hosts = f'private_hosts = ["{provider.listing}"]\n'
    made.config.write_text(hosts + made.config.read_text())
    serve = [*program, "serve", "--config", str(made.config), "--port", str(port)]
    with running(serve, folder / "log", ready=(port, "/readyz")):
        made.run("tenant", "create", "Acme", "--id", "acme")
        made.run("integration", "push", NOTES)
        content = connected_notes(provider, "https://api.notes.example/v1")
        content["config"] |= {"name": "cloud", "label": "Cloud Notes"}
        made.run("integration", "push", written(folder / "cloud", content))
        secret = folder / "secret"
        secret.write_text(VENDOR.secret)
        app = ("--client-id", VENDOR.id, "--client-secret-file", secret)
        made.run("integration", "oauth-app", "cloud", *app)
        yield made


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_a_customer_goes_to_the_provider_and_comes_back(
    browser: Browser, house: House, *, scripts: bool
) -> None:
    """From the link over the provider's own pages to the end; the account is active."""
    made = house.link("cloud")
    with visit(browser, made["url"], java_script_enabled=scripts) as seen:
        page = seen.page
        expect(page.get_by_role("heading", level=1)).to_contain_text("Cloud Notes")
        expect(page.get_by_text("notes.read")).to_be_visible()
        page.get_by_role("button", name="Go on").click()
        for step in ("login", "consent"):
            expect(page.get_by_role("heading", name=step)).to_be_visible()
            page.get_by_role("button", name="Accept").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Connected")
        assert not seen.complaints
    account = house.run("account", "show", made["account"])
    assert (account["status"], account["oauth"]["renewable"]) == ("active", True)


def test_a_customer_who_says_no_is_told_so(browser: Browser, house: House) -> None:
    """The page says that nothing is connected, and the link still holds."""
    made = house.link("cloud")
    with visit(browser, made["url"]) as seen:
        seen.page.get_by_role("button", name="Go on").click()
        seen.page.get_by_role("button", name="Deny").click()
        expect(seen.page.get_by_text("Access was not granted.")).to_be_visible()
        seen.page.goto(made["url"])
        expect(seen.page.get_by_role("button", name="Go on")).to_be_visible()


def test_a_key_is_entered_in_a_form(browser: Browser, house: House) -> None:
    """What does not fit is said beside it, without repeating it; then the account is active."""
    made = house.link("notes")
    with visit(browser, made["url"]) as seen:
        page, field = seen.page, seen.page.get_by_label("Access token")
        field.fill("<b>no token</b>")
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_role("alert")).to_contain_text("does not match")
        assert "no token" not in page.content()
        assert field.input_value() == ""
        field.fill(CREDENTIAL)
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Connected")
        page.goto(made["url"])
        expect(page.get_by_role("heading", level=1)).to_have_text("This link does not hold")
    assert house.run("account", "show", made["account"])["status"] == "active"


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=str)
@pytest.mark.parametrize("integration", ["cloud", "notes"])
def test_the_page_is_accessible_and_loads_nothing(
    browser: Browser, house: House, integration: str, look: dict[str, Any]
) -> None:
    """Axe finds nothing, and no address but its own is asked for."""
    made = house.link(integration)
    with visit(browser, made["url"], **look) as seen:
        assert findings(seen.page) == []
        assert seen.requests == [made["url"]]
        assert not seen.complaints
        script = "document.documentElement.scrollWidth <= window.innerWidth"
        assert seen.page.evaluate(script), "nothing is cut off"
