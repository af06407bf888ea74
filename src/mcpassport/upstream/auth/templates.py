"""Headers and query values of an integration that hold `{{credentials.…}}`."""

from collections.abc import Iterator, Mapping
from typing import Any

from mcpassport.expressions import MISSING, render_tree
from mcpassport.expressions.placeholders import Scopes, as_text
from mcpassport.records.masked import Secret
from mcpassport.upstream.auth.fields import Applied, header, read_fields


def apply_templates(
    headers: Mapping[str, Any], query: Mapping[str, Any], scopes: Scopes, secret: Secret
) -> Applied:
    """Render them; a missing value drops its key, as everywhere. An array repeats its name."""
    everything = {**scopes, "credentials": read_fields(secret)}
    return Applied(
        headers=tuple(header(name, value) for name, value in _rendered(headers, everything)),
        query=tuple(_rendered(query, everything)),
    )


def _rendered(templates: Mapping[str, Any], scopes: Scopes) -> Iterator[tuple[str, str]]:
    for name, template in templates.items():
        value = render_tree(template, scopes)
        for item in value if isinstance(value, list) else [value]:
            if item is not MISSING and item is not None:
                yield name, as_text(item)
