"""Releases made by hand: a document, evidence as a run would write it, a key of their own."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from mcpassport.evidence.publish import Draft, Evidenced, Signed, described, signed
from mcpassport.records.evidence import Evidence, Result
from mcpassport.records.grants import Principal
from mcpassport.reference.assurance import Assurance
from mcpassport.reference.inputs import Inputs
from mcpassport.reference.signing.key import ReleaseKey, generate_key

PUBLISHER = Principal("cli:publisher", "admin")
BUILD = "b" * 64
SETTINGS = "c" * 64


class Made(NamedTuple):
    """A signed release and its key."""

    signed: Signed
    key: ReleaseKey

    @property
    def files(self) -> Mapping[str, bytes]:
        """Every file that the signature covers."""
        return self.signed.files


def evidence_of(inputs: Inputs, *, verdict: str = "pass") -> Evidence:
    """A run that checked two claims of that catalog."""
    results = tuple(
        Result(claim, verdict, control=True, saw=(f"{claim} seen",))  # type: ignore[arg-type]
        for claim in ("SCO-01", "TEN-01")
    )
    return Evidence(
        build_digest=BUILD,
        settings_digest=SETTINGS,
        catalog_digest=inputs.catalog.digest.hex(),
        profile="quick",
        started=datetime(2030, 1, 31, tzinfo=UTC),
        substitutions=("store",),
        results=results,
    )


def evidenced_of(inputs: Inputs, key: ReleaseKey, *before: Signed) -> Evidenced:
    """The next release after those, with its evidence."""
    history = tuple(each.release for each in before)
    previous = before[-1].files["reference.json"] if before else b""
    draft = Draft(inputs.integration, inputs, history, previous)
    assurance = Assurance(evidence_of(inputs), BUILD, SETTINGS)
    return described(draft, assurance, key.fingerprint, inputs.generated_at)


def release_of(inputs: Inputs, *before: Signed, key: ReleaseKey | None = None) -> Made:
    """A signed release of these inputs, after those."""
    key = key or generate_key()
    return Made(signed(evidenced_of(inputs, key, *before), key, PUBLISHER), key)
