"""From an integration version to a published release: build, run the checks, sign, store.

    Draft --run--> Evidenced --sign--> Signed --store--> published

Each state is a type, so that nothing is signed without evidence and nothing stored unsigned. The
release key is on this machine only; what is stored is the signed files.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mcpassport.audit.log import event
from mcpassport.records.evidence import Evidence
from mcpassport.records.grants import Principal
from mcpassport.records.integration import Integration
from mcpassport.records.release import (
    ReferenceChange,
    Release,
)
from mcpassport.records.sources import Clock, Random
from mcpassport.reference.assurance import Assurance
from mcpassport.reference.changes import FIRST, changes_between, number_after
from mcpassport.reference.compose import compose
from mcpassport.reference.document import Document
from mcpassport.reference.inputs import Inputs, Issue
from mcpassport.reference.releases import Releases
from mcpassport.reference.renderers import RENDERERS
from mcpassport.reference.signing.key import ReleaseKey
from mcpassport.reference.signing.statement import digests_of, seal, statement_of

_NEW_FORM = ReferenceChange(
    "major", "section", "", "The form of the document changed; compare the two by eye."
)


class Draft(Struct, frozen=True):
    """An integration version as it would be described, no check of it run yet."""

    integration: Integration
    inputs: Inputs
    history: tuple[Release, ...] = ()
    """The releases before, oldest first."""
    previous: bytes = b""
    """`reference.json` of the newest of them."""


class Evidenced(Struct, frozen=True):
    """A draft whose checks were run, with the number that its changes give it."""

    draft: Draft
    evidence: Evidence
    document: Document
    changes: tuple[ReferenceChange, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Claims whose check failed."""
        return tuple(each.claim for each in self.evidence.results if each.verdict == "fail")


class Signed(Struct, frozen=True):
    """A release that is ready to be stored."""

    release: Release
    files: Mapping[str, bytes]
    signature: bytes


def described(draft: Draft, assurance: Assurance, key: str, at: datetime) -> Evidenced:
    """The draft with the evidence of that assurance, as the document of its release.

    `at` is the release's time, after the run: evidence of a later time than its document is none.
    """
    evidence = assurance.evidence
    assert evidence is not None
    digest = draft.inputs.catalog.digest.hex()
    inputs = replace(draft.inputs, known=assurance.known(digest, at), generated_at=at)
    changes = _changes(draft, compose(inputs))
    number = number_after(draft.history[-1].number, changes) if draft.history else FIRST
    issue = Issue(number=number, changes=changes, history=draft.history, key=key)
    return Evidenced(draft, evidence, compose(replace(inputs, issue=issue)), changes)


def _changes(draft: Draft, document: Document) -> tuple[ReferenceChange, ...]:
    if not draft.history:
        return ()
    try:
        previous = msgspec.json.decode(draft.previous, type=Document)
    except msgspec.MsgspecError:
        return (_NEW_FORM,)
    return changes_between(previous, document)


def signed(evidenced: Evidenced, key: ReleaseKey, principal: Principal) -> Signed:
    """Render every file, and sign what they are."""
    document, evidence = evidenced.document, evidenced.evidence
    files: dict[str, bytes] = {
        "reference.json": RENDERERS["json"](document),
        "index.html": RENDERERS["html"](document),
        "reference.md": RENDERERS["md"](document),
        "evidence.json": msgspec.json.format(msgspec.json.encode(evidence), indent=2) + b"\n",
    }
    statement = statement_of(document, evidence, files, key)
    release = Release(
        integration=document.integration,
        ordinal=len(evidenced.draft.history) + 1,
        number=document.version,
        integration_version=document.integration_version,
        catalog_digest=document.catalog_digest,
        published_at=document.generated_at,
        published_by=principal.id,
        key=key.fingerprint,
        digests=digests_of(statement),
        changes=evidenced.changes,
        grades=document.evidence.grades,
    )
    return Signed(release, files, seal(statement, key))


async def store(
    signed: Signed, releases: Releases, principal: Principal, clock: Clock, random: Random
) -> Release:
    """Publish it; `Conflict` if somebody published or pushed meanwhile."""
    release = signed.release
    told = event(
        principal,
        "reference.publish",
        tenant="",
        subject=f"{release.integration}@{release.number}",
        clock=clock,
        random=random,
    )
    await releases.publish(release, signed.files, signed.signature, told)
    return release


def moment_of(clock: Clock) -> datetime:
    """Now, without fractions that nobody reads."""
    return clock().replace(microsecond=0)
