"""What a run of the checks found, as `evidence.json` holds it."""

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct

Verdict: TypeAlias = Literal["pass", "fail", "not_applicable"]
Profile: TypeAlias = Literal["quick", "full"]
EVIDENCE_FORMAT: Literal[1] = 1


class Result(Struct, frozen=True, forbid_unknown_fields=True):
    """What one check saw; `control` says whether its planted fault was caught."""

    claim: str
    verdict: Verdict
    control: bool
    saw: tuple[str, ...]


class Evidence(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: of what, when, with what in place of the real thing, and what came of it."""

    format: Literal[1] = EVIDENCE_FORMAT
    build_digest: str
    settings_digest: str
    catalog_digest: str
    profile: Profile
    started: datetime
    substitutions: tuple[str, ...]
    results: tuple[Result, ...]
