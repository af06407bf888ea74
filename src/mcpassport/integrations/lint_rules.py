"""The rules of the quality gate as data: severity, weight in the score, text, mend."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from mcpassport.records.findings import Severity

DROPPED_WEIGHT: Final = 10
"""What a method costs that is not a tool, whatever the rule; and each failing example."""


class Rule(NamedTuple):
    """One warning: what it costs in the score, what it says, how to mend it."""

    severity: Severity
    weight: int
    text: str
    mend: str


WARNINGS: Mapping[str, Rule] = MappingProxyType(
    {
        "generic_description": Rule(
            "warning",
            3,
            "The description says no more than the name.",
            "Say what the call does, what it returns, and when to prefer it to its neighbours.",
        ),
        "undescribed_property": Rule(
            "warning",
            1,
            "Properties without a description.",
            "Describe each in a few words; the model sees nothing else of it.",
        ),
        "undescribed_enum": Rule(
            "warning",
            2,
            "Enumerated properties without a description.",
            "Say what the values mean.",
        ),
        "root_union": Rule(
            "warning",
            2,
            "A schema has a union at its root.",
            "Describe one object; clients and models handle unions at the root badly.",
        ),
        "unpaginated_list": Rule(
            "warning",
            3,
            "A list without pagination.",
            "Describe how it pages; otherwise the model gets every record at once.",
        ),
        "oauth_without_scopes": Rule(
            "warning",
            2,
            "An OAuth method that names no scopes.",
            "Name the scopes that the call needs.",
        ),
        "long_name": Rule(
            "warning",
            1,
            "A tool name over 40 characters.",
            "Shorten the resource, its singular, or the method; some clients cut names.",
        ),
        "unused_record": Rule(
            "warning",
            1,
            "A record without a method.",
            "Add the method to integration.yaml, or remove the record.",
        ),
        "destructive_unannotated": Rule(
            "warning",
            3,
            "A method that destroys, or may, and does not say so.",
            "State annotations.destructive: true or false.",
        ),
        "silent_stream": Rule(
            "warning",
            1,
            "A streamed response that reports no progress.",
            "Say with progress how far an event is; callers hear nothing until the end.",
        ),
        "modern_only": Rule(
            "warning",
            1,
            "A tool that needs a client capability.",
            "Remove requires_client_capabilities if older clients should be able to call it.",
        ),
        "example_mismatch": Rule(
            "warning",
            3,
            "An example that does not match the schemas.",
            "Mend the example or the schema.",
        ),
        "rounded_id": Rule(
            "warning",
            2,
            "A 64-bit integer that admits no string.",
            "Write type: [integer, string].",
        ),
    }
)
"""Rule id to rule; the documentation prints this table."""


def weight_of(severity: Severity, rule: str) -> int:
    """What a finding takes from the score of 100."""
    if severity == "error" or rule not in WARNINGS:
        return DROPPED_WEIGHT
    return WARNINGS[rule].weight
