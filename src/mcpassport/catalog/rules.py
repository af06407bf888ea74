"""Why a method is not a tool: the rules, each with the sentence that mends it."""

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[str, str] = MappingProxyType(
    {
        "no_record": "Write a documentation record for this resource and method.",
        "duplicate_record": "Keep one documentation record for this resource and method.",
        "empty_description": "Describe in one or two sentences what the call does.",
        "invalid_schema": "Make it a valid JSON Schema of draft 2020-12.",
        "remote_ref": "Copy what is referred to into `$defs` and refer to `#/$defs/<name>`.",
        "unresolved_ref": "Move the target of the reference into `$defs` of the same schema.",
        "number_bound": (
            "Keep numbers within ±(2^53−1); admit larger integers as digit strings: "
            "`type: [integer, string]` with a `pattern`."
        ),
        "output_content": (
            "Say with `response` or `response_path` what the structured answer is, or remove "
            "`strict_output`."
        ),
        "path_placeholder": "Declare the placeholder's argument in `path_schema`.",
        "path_argument": "Let `path_schema` declare exactly the arguments of the path.",
        "forbidden_header": (
            "Remove the header from `header_schema`; connection, identity and credential headers "
            "are set by the integration."
        ),
        "credential_query": "Remove the parameter from `query_schema`; the credential sets it.",
        "body_format": (
            "Describe what the format can hold: `form` names with plain values (objects only where "
            "`query_array_format` is brackets or indices, lists of objects only with indices), "
            "`multipart` an object, `raw` one string; files are `contentEncoding: base64`."
        ),
        "root_keyword": (
            "Keep only type, properties, required, $defs and description at the root of a schema "
            "that is merged with others, or move the rule into a property."
        ),
        "anchor_across_parts": "Replace anchors by `$ref: '#/$defs/<name>'`.",
        "unresolved_clash": "Rename one of the arguments.",
        "name_collision": "Rename a resource, its singular, or the method.",
    }
)
"""Rule id to mend. `name_collision` is found by `build`, the others by `build` or `merge`."""


class MergeError(Exception):
    """A `(resource, method)` that cannot be a tool; `rule` is a key of `RULES`."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{message} {RULES[rule]}")
        self.rule = rule
        self.message = message
        self.mend = RULES[rule]
