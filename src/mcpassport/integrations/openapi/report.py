"""What could not be mapped: rules with their severity and mend, and the collector of findings."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from mcpassport.records.findings import Finding, Severity


class Rule(NamedTuple):
    """How grave it is, and what to do about it."""

    severity: Severity
    mend: str


_BESIDE = "Put the file beside the description and point the $ref to it by a relative path."

RULES: Final[dict[str, Rule]] = {
    "remote_ref": Rule("error", _BESIDE),
    "outside_ref": Rule("error", _BESIDE),
    "dangling_ref": Rule("error", "Mend the $ref, or add what it points to."),
    "malformed": Rule("error", "Mend the description at this place."),
    "http_method": Rule("warning", "Only GET, POST, PUT, PATCH and DELETE can be tools."),
    "path": Rule(
        "error", "Write the method by hand in overlay.yaml, under patch.config.resources."
    ),
    "undeclared_path_parameter": Rule(
        "warning", "Declare the parameter, or describe it in overlay.yaml (path_schema)."
    ),
    "parameter": Rule("error", "Describe it in overlay.yaml if agents need it; else leave it out."),
    "array_format": Rule(
        "error", "Describe it in overlay.yaml as one string, joined the way the API wants it."
    ),
    "header": Rule("warning", "Nothing is to be done; header_schema in overlay.yaml can add it."),
    "constant_header": Rule(
        "warning", "Change the value in overlay.yaml, under patch.config.headers."
    ),
    "body_media_type": Rule(
        "error", "Write the method in overlay.yaml if one of the body formats can hold the body."
    ),
    "body_member": Rule(
        "error", "Describe it in overlay.yaml, where query_array_format says how a form holds it."
    ),
    "response_media_type": Rule(
        "error", "Write the method in overlay.yaml if one of its answers can be a block."
    ),
    "stream": Rule(
        "warning", "Put progress and final into overlay.yaml, under patch.config.resources."
    ),
    "callbacks": Rule("warning", "Requests that the API sends to a client have no tool."),
    "server": Rule("warning", "Put another base_url into overlay.yaml, under patch.config."),
    "server_override": Rule("error", "Make an integration of its own for that server."),
    "security_scheme": Rule(
        "warning", "Put credentials and authorization into overlay.yaml, under patch.config."
    ),
    "no_security": Rule(
        "error", "Put credentials and authorization into overlay.yaml, under patch.config."
    ),
    "no_description": Rule(
        "error", "Put a description into overlay.yaml, under patch.records; until then: no tool."
    ),
    "pagination": Rule(
        "warning", "If it is paged, put pagination into overlay.yaml, under patch.config.resources."
    ),
    "name_clash": Rule("warning", "If the name does not fit, write the method in overlay.yaml."),
    "integer_bound": Rule(
        "warning", "JSON readers keep integers exact up to 2^53-1 only; the API still checks it."
    ),
    "schema": Rule("warning", "Put the schema that is meant into overlay.yaml."),
    "doubled_key": Rule("warning", "Keep one of the two; the last one was read."),
}


class Report:
    """Collects findings. `scope` gathers those of one part apart."""

    def __init__(self) -> None:
        self._findings: dict[tuple[str, str, str], Finding] = {}

    def add(self, rule: str, where: str, message: str) -> None:
        """One finding; the same one at the same place counts once."""
        known = RULES[rule]
        finding = Finding(known.severity, rule, where, message, known.mend)
        self._findings.setdefault((rule, where, message), finding)

    def repeat(self, findings: tuple[Finding, ...]) -> None:
        """Findings that were made before, for a part that meets the same place again."""
        for finding in findings:
            self._findings.setdefault((finding.rule, finding.where, finding.message), finding)

    @contextmanager
    def scope(self) -> Iterator["Report"]:
        """A report whose findings stay apart: what is added here meanwhile goes there."""
        outer, self._findings = self._findings, {}
        inner = Report()
        inner._findings = self._findings
        try:
            yield inner
        finally:
            self._findings = outer

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order in which they were made."""
        return tuple(self._findings.values())
