"""Published releases: at addresses of their own for ever, and told apart from what runs."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pytest
from tests.support.asgi import Response
from tests.support.deployment import CLI, Deployment, deployment, notes
from tests.support.releases import Made, release_of

from mcpassport.errors import Conflict
from mcpassport.evidence.publish import Signed, store
from mcpassport.reference.drift import pristine
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.releases import Releases
from mcpassport.reference.signing.verify import verify
from mcpassport.stated import facts_of, vendor_of

ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Deployment]:
    """A deployment with the notes pushed."""
    async with deployment(tmp_path) as made:
        await made.push()
        yield made


async def get(house: Deployment, path: str) -> Response:
    return await house.send("GET", f"/reference/notes{path}", caller=None)


async def inputs_of(house: Deployment) -> Inputs:
    """What the newest version would be published from."""
    services = house.services
    head = await services.versions.held("notes") or await services.versions.head("notes")
    assert head is not None
    return Inputs(
        facts=facts_of(services.settings),
        integration=await services.versions.integration(head),
        catalog=await services.versions.catalog(head),
        vendor=vendor_of(services.settings),
        generated_at=services.clock(),
        build="0.1.0+test",
    )


async def published(house: Deployment, *before: Signed) -> Made:
    """Publish the newest version, after those releases."""
    made = release_of(await inputs_of(house), *before)
    services = house.services
    releases = Releases(services.store, services.versions)
    await store(made.signed, releases, CLI, services.clock, services.random)
    return made


def changed(description: str = "Planted description.") -> dict[str, Any]:
    content = notes()
    content["documentation"][0]["description"] = description
    return content


async def test_the_public_address_serves_the_newest_release_as_it_was_signed(
    house: Deployment,
) -> None:
    """Byte for byte, so that whoever verifies it needs nothing else."""
    made = await published(house)
    for suffix, name in (("", "index.html"), (".md", "reference.md"), (".json", "reference.json")):
        assert (await get(house, suffix)).body == made.files[name]
    files = {
        name: (await get(house, f"/1.0.0/{name}")).body
        for name in ("reference.json", "index.html", "reference.md", "evidence.json")
    }
    signature = (await get(house, "/signature.json")).body
    assert verify(files, signature, made.key.fingerprint).verdict == "verified"


async def test_every_release_keeps_its_address_and_its_bytes(house: Deployment) -> None:
    """What a contract cites is still there after ten more releases."""
    first = await published(house)
    await house.push(changed())
    second = await published(house, first.signed)
    assert (await get(house, "/1.0.0")).body == first.files["index.html"]
    assert (await get(house, "/1.0.1")).body == second.files["index.html"]
    listed = (await get(house, "/releases.json")).json()
    assert [(each["number"], each["state"]) for each in listed["releases"]] == [
        ("1.0.1", "published"),
        ("1.0.0", "superseded"),
    ]
    assert listed["drift"] is None


async def test_what_runs_and_is_not_published_shows_in_a_banner_and_a_field(
    house: Deployment,
) -> None:
    """The page stays the signed one below the banner; its own address has none."""
    made = await published(house)
    await house.push(changed())
    page = (await get(house, "")).body
    assert b"no longer what release 1.0.0 describes" in page
    assert pristine(page) == made.files["index.html"]
    assert (await get(house, "/1.0.0")).body == made.files["index.html"]
    drift = (await get(house, "/releases.json")).json()["drift"]
    assert drift["release"] == "1.0.0"
    assert drift["published"] == made.signed.release.catalog_digest != drift["live"]
    current = (await get(house, "/current.json")).json()
    assert (current["version"], current["catalog_digest"]) == ("unpublished", drift["live"])


async def test_a_banner_hides_nothing(house: Deployment) -> None:
    """Whatever else stands where the banner would is part of the page that is judged."""
    made = await published(house)
    page = made.files["index.html"]
    forged = page.replace(b"<body>\n", b'<body>\n<p class="drift" role="status">Trust us.</p>\n')
    assert forged != page
    assert pristine(forged) == forged


async def test_the_feed_tells_of_every_release(house: Deployment) -> None:
    """Newest first, each with its address."""
    first = await published(house)
    await house.push(changed("<b>Planted</b>"))
    await published(house, first.signed)
    answer = await get(house, "/feed.atom")
    assert answer.header("content-type") == "application/atom+xml; charset=utf-8"
    feed = fromstring(answer.body)
    links = [str(each.get("href")) for each in feed.iter(f"{ATOM}link")]
    assert [link.rpartition("/")[2] for link in links[2:]] == ["1.0.1", "1.0.0"]
    summaries = [str(each.text) for each in feed.iter(f"{ATOM}summary")]
    assert "patch" in summaries[0]


async def test_of_two_publishers_one_wins(house: Deployment) -> None:
    """The other is told, and no release has two contents."""
    made = await published(house)
    with pytest.raises(Conflict):
        await published(house)
    assert (await get(house, "/1.0.0")).body == made.files["index.html"]


async def test_a_publication_is_in_the_audit(house: Deployment) -> None:
    """Who published what."""
    await published(house)
    await house.services.audit.move_outbox()
    row = (await house.rows())[-1]
    assert (row.action, row.subject, row.principal) == (
        "reference.publish",
        "notes@1.0.0",
        CLI.id,
    )


@pytest.mark.parametrize(
    "path", ["/9.9.9", "/1.0.0/secrets", "/1.0.0/../x", "/current.pdf", "/x", "/current/x"]
)
async def test_what_was_never_published_is_a_404(path: str, house: Deployment) -> None:
    """No other file is reachable below a release."""
    await published(house)
    assert (await get(house, path)).status == 404


async def test_before_the_first_release_the_current_build_is_served(house: Deployment) -> None:
    """Headed unpublished; there is no signature to ask for."""
    assert (await get(house, ".json")).json()["version"] == "unpublished"
    assert (await get(house, "/signature.json")).status == 404
    assert (await get(house, "/releases.json")).json()["releases"] == []


async def test_where_releases_are_required_a_push_is_held_until_its_release(
    tmp_path: Path,
) -> None:
    """Agents see the version that the published document describes, and no other."""
    async with deployment(tmp_path, publish="required") as house:
        assert (await house.push())["held"] is True
        assert (await house.send("GET", "/integration/notes")).status == 404
        first = await published(house)
        server = await house.server(await house.account())
        before = await house.tools(server)
        assert (await house.push(changed()))["held"] is True
        assert await house.tools(server) == before
        assert (await get(house, "/releases.json")).json()["held_version"] == 2
        second = await published(house, first.signed)
        assert second.signed.release.integration_version == 2
        assert "Planted description." in json.dumps(await house.tools(server))
        assert (await get(house, "/releases.json")).json()["held_version"] is None


async def test_a_held_version_can_be_replaced_before_it_is_published(tmp_path: Path) -> None:
    """The next push has the next number; only the newest can go live."""
    async with deployment(tmp_path, publish="required") as house:
        await house.push()
        assert (await house.push(changed()))["version"] == 2
        await published(house)
        assert (await house.read("/integration/notes"))["version"] == 2
