"""The factor `mtls`: the client certificate that the TLS proxy verified is a pinned one."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mcpassport.gate.evidence import Evidence, Verdict

FINGERPRINTS: Final = "certificate_sha256"
NAMES: Final = "subject_alt_names"
MOST: Final = 32
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"(?:dns|uri|email):[!-~]{1,500}")


class MtlsFactor:
    """Holds when the certificate is within its dates and pinned: by fingerprint or by a name.

    The proxy has verified its chain and the possession of its key. A header of somebody who is not
    the proxy never gets here (`edge/certificates.py`).
    """

    options = frozenset({FINGERPRINTS, NAMES})

    def judge(self, evidence: Evidence, options: Mapping[str, Any]) -> Verdict:
        """See the class."""
        if not evidence.certificate.shown:
            return "missing"
        certificate = evidence.certificate.certificate
        if certificate is None or not (
            certificate.not_before <= evidence.now < certificate.not_after
        ):
            return "wrong"
        if certificate.sha256 in options.get(FINGERPRINTS, ()):
            return "held"
        pinned = options.get(NAMES, ())
        return "held" if any(name in pinned for name in certificate.names) else "wrong"

    def problems(self, options: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
        """At least one pin, each of its form."""
        if not options.get(FINGERPRINTS) and not options.get(NAMES):
            mend = f"Give {FINGERPRINTS} or {NAMES}, a list."
            yield "", "A factor mtls without a pin would admit every certificate.", mend
        for member, form, example in (
            (FINGERPRINTS, _SHA256, "64 lower-case hex digits"),
            (NAMES, _NAME, "dns:agent.acme.example, uri:spiffe://… or email:…"),
        ):
            values = options.get(member, [])
            if not isinstance(values, list) or len(values) > MOST:
                yield member, f"{member} is not a list of at most {MOST}.", "Write a list."
                continue
            for index, value in enumerate(values):
                if not isinstance(value, str) or not form.fullmatch(value):
                    yield f"{member}/{index}", "It is not of the right form.", f"Write {example}."
