"""How claims are known: evidence counts only for the build, settings and catalog that it is of.

1. All three digests equal the run's; else it counts for none.
2. A claim whose meaning hangs on something that the run substituted stays `not verified`.
3. What is left of the passed checks is graded `sandbox`, or `expired` once the run is too old.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import Struct

from mcpassport.errors import InvalidSettings
from mcpassport.evidence.claims import CLAIMS, Grade
from mcpassport.evidence.claims.record import EXPIRED, SANDBOX
from mcpassport.records.evidence import Evidence, FailureTable
from mcpassport.reference.document import EvidenceState


class Known(Struct, frozen=True):
    """The state of the evidence, the grades it gives by claim, and the run in a sentence."""

    state: EvidenceState = "no run"
    grades: Mapping[str, Grade] = MappingProxyType({})
    said: str = "none: no check of this build has been run"
    failures: FailureTable | None = None
    """The output of the failure run, where that run counts and was made."""


NOTHING_KNOWN: Final = Known()


class Assurance(Struct, frozen=True):
    """A run's evidence, and the digests of what is running or described here."""

    evidence: Evidence | None = None
    build_digest: str = ""
    settings_digest: str = ""
    max_age: timedelta = timedelta(days=90)

    def known(self, catalog_digest: str, now: datetime) -> Known:
        """The grades that the evidence gives here and now."""
        run = self.evidence
        if run is None:
            return NOTHING_KNOWN
        here = (self.build_digest, self.settings_digest, catalog_digest)
        if here != (run.build_digest, run.settings_digest, run.catalog_digest):  # (1)
            said = "a run of another build, other settings or another catalog; it counts for none"
            return Known("other", said=said)
        passed = [each.claim for each in run.results if each.verdict == "pass"]
        substituted = run.says_nothing_about()
        counted = [claim for claim in passed if not CLAIMS[claim].hangs(substituted)]  # (2)
        fresh = timedelta() <= now - run.started <= self.max_age
        grade = SANDBOX if fresh else EXPIRED  # (3)
        return Known(
            "run" if fresh else "expired",
            dict.fromkeys(counted, grade),
            _said(run, len(passed), len(passed) - len(counted), fresh=fresh),
            run.failures,
        )


def _said(run: Evidence, passed: int, uncounted: int, *, fresh: bool) -> str:
    text = (
        f"{run.started:%Y-%m-%d %H:%M} UTC, profile `{run.profile}`: {passed} of "
        f"{len(run.results)} checks passed{'' if fresh else '; expired'}. In place of the "
        f"deployment's own: {', '.join(run.substitutions)}"
    )
    if uncounted:
        text += f". Left out, since they passed on what was replaced: {uncounted}"
    return text


def load_evidence(path: Path) -> Evidence:
    """The evidence of a file; `InvalidSettings` if it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evidence)
    except OSError as error:
        raise InvalidSettings(f"{path} cannot be read: {error.strerror}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidSettings(
            f"{path} is no evidence; `mcpassport evidence run` writes one."
        ) from None
