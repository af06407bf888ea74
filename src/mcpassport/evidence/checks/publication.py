"""Checks of Verify this document and Changelog: signed releases, and what is said of drift.

The releases are of the probe's integration, signed with a key made for the run and stored from the
side; what is judged is what the product then serves.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from secrets import token_bytes
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from mcpassport import __version__
from mcpassport.evidence.bench import Bench, document_of
from mcpassport.evidence.finding import Finding
from mcpassport.evidence.probe import INTEGRATION, probe
from mcpassport.evidence.publish import Draft, Signed, described, signed, store
from mcpassport.integrations.versions import Versions
from mcpassport.records.evidence import Evidence
from mcpassport.records.grants import Principal
from mcpassport.records.release import RELEASE_FILES
from mcpassport.reference.assurance import Assurance
from mcpassport.reference.drift import pristine
from mcpassport.reference.facts import Facts
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.releases import Releases
from mcpassport.reference.signing.key import ReleaseKey, generate_key
from mcpassport.reference.signing.verify import verify
from mcpassport.reference.vendor import Vendor
from mcpassport.store import folder_url, open_store

_PUBLISHER: Final = Principal("cli:evidence", "admin")
_CLOCK: Final = partial(datetime.now, UTC)
_BASE: Final = f"/reference/{INTEGRATION}"


async def signed_release(bench: Bench, finding: Finding) -> None:
    """VER-01. Control: one altered byte of each file, and a key of nobody, are all found."""
    key = generate_key()
    async with _releases(bench) as (releases, versions):
        made = await _published(releases, versions, key)
    number = made.release.number
    files = {
        name: (await bench.send("GET", f"{_BASE}/{number}/{name}")).body for name in RELEASE_FILES
    }
    signature = (await bench.send("GET", f"{_BASE}/{number}/signature.json")).body
    found = verify(files, signature, key.fingerprint)
    finding.expect(
        found.verdict == "verified" and set(found.checked) == set(RELEASE_FILES),
        f"{len(RELEASE_FILES)} served files are the signed ones",
        [each.text for each in found.findings],
    )
    page = (await bench.send("GET", _BASE)).body
    finding.expect(
        page == files["index.html"], "the public address serves the newest release byte for byte"
    )
    altered = [verify({**files, name: _flipped(files[name])}, signature) for name in files]
    foreign = verify(files, signature, generate_key().fingerprint)
    broken = verify(files, _flipped(signature))
    finding.control = all(each.verdict == "altered" for each in (*altered, foreign, broken))


async def kept_releases(bench: Bench, finding: Finding) -> None:
    """CHG-01. Control: after a push the served catalog differs from the published one."""
    key = generate_key()
    async with _releases(bench) as (releases, versions):
        first = await _published(releases, versions, key)
        await bench.manage("POST", "/integration", _changed(bench))
        address = f"{_BASE}/{first.release.number}"
        page = (await bench.send("GET", _BASE)).body
        listed = document_of(await bench.send("GET", f"{_BASE}/releases.json"))
        drift = listed.get("drift") or {}
        finding.expect(bool(drift), "releases.json tells that what runs was not published")
        finding.expect(
            pristine(page) == first.files["index.html"] != page,
            "the page tells it above the published one",
        )
        second = await _published(releases, versions, key)
    kept = (await bench.send("GET", address)).body
    finding.expect(
        kept == first.files["index.html"], f"release {first.release.number} kept its bytes"
    )
    told = [each.subject for each in second.release.changes]
    finding.expect(
        "tool" in told and second.release.number != first.release.number,
        f"release {second.release.number} tells which tool changed",
        told,
    )
    finding.control = drift.get("live") not in {None, first.release.catalog_digest}


@asynccontextmanager
async def _releases(bench: Bench) -> AsyncIterator[tuple[Releases, Versions]]:
    """The sandbox's releases, from the side; the probe is live again afterwards."""
    held = open_store(folder_url(bench.sandbox.data))
    versions = Versions(held, _CLOCK)
    try:
        yield Releases(held, versions), versions
    finally:
        await held.close()
        await bench.manage("POST", "/integration", probe(bench.lab.origin))


async def _published(releases: Releases, versions: Versions, key: ReleaseKey) -> Signed:
    """Publish the live version of the probe after the releases that there are."""
    head = await versions.head(INTEGRATION)
    assert head is not None
    inputs = Inputs(
        facts=Facts(public_url="http://sandbox.invalid"),
        integration=await versions.integration(head),
        catalog=await versions.catalog(head),
        vendor=Vendor(),
        generated_at=_CLOCK().replace(microsecond=0),
        build=__version__,
    )
    history = tuple(await releases.all(INTEGRATION))
    previous = await releases.file(history[-1], "reference.json") if history else b""
    draft = Draft(inputs.integration, inputs, history, previous)
    ready = described(draft, _nothing_checked(inputs), key.fingerprint, inputs.generated_at)
    made = signed(ready, key, _PUBLISHER)
    await store(made, releases, _PUBLISHER, _CLOCK, token_bytes)
    return made


def _nothing_checked(inputs: Inputs) -> Assurance:
    evidence = Evidence(
        build_digest="",
        settings_digest="",
        catalog_digest=inputs.catalog.digest.hex(),
        profile="quick",
        started=inputs.generated_at,
        substitutions=(),
        results=(),
    )
    return replace(Assurance(), evidence=evidence)


def _changed(bench: Bench) -> Mapping[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(probe(bench.lab.origin)))
    content["documentation"][0]["description"] += " Said in other words."
    return content


def _flipped(content: bytes) -> bytes:
    """The same bytes but for one in the middle."""
    place = len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
