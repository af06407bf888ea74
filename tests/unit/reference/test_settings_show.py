"""Turn a setting, and the document says so: no sentence is written for the defaults."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mcpassport.limits import LIMITS, Limits
from mcpassport.reference.compose import compose
from mcpassport.reference.document import Document
from mcpassport.reference.inputs import Inputs
from mcpassport.settings import CLAIM_RELEVANT, Settings
from mcpassport.stated import facts_of

URL = "https://mcp.acme.example"
TURNED: dict[str, tuple[dict[str, Any], str]] = {
    "public_url": ({"public_url": "https://other.example"}, "https://other.example"),
    "environment": ({"environment": "planted-label"}, "planted-label"),
    "private_hosts": ({"private_hosts": ("db.internal:443",)}, "db.internal:443"),
    "allowed_origins": ({"allowed_origins": ("https://web.example",)}, "https://web.example"),
    "allowed_hosts": ({"allowed_hosts": ("name.acme.example",)}, "name.acme.example"),
    "trusted_proxies": ({"trusted_proxies": ("10.9.0.0/16",)}, "10.9.0.0/16"),
    "client_cert_header": (
        {
            "trusted_proxies": ("10.9.0.0/16",),
            "proxy_secret": "p" * 32,
            "client_cert_header": "xfcc",
        },
        "as `xfcc`",
    ),
    "default_server_ttl_days": ({"default_server_ttl_days": 31}, "31 days"),
    "allow_unexpiring_servers": ({"allow_unexpiring_servers": True}, "created on purpose"),
    "audit_retention_days": ({"audit_retention_days": 123}, "123 days"),
    "audit_durability": ({"audit_durability": "process"}, "perhaps not a power failure"),
    "audit_volume_bytes": ({"audit_volume_bytes": 77 * 2**20}, "77 MiB"),
    "key_backup_days": ({"key_backup_days": 19}, "19 days"),
    "evidence_max_age_days": ({"evidence_max_age_days": 33}, "33 days"),
    "publish": ({"publish": "required"}, "only once a release of it is published"),
    "workers": ({"workers": 3}, "3 worker processes"),
    "tls_certificate": ({}, "TLS ends in this deployment's own processes"),
    "limits": ({"limits": Limits(calls_per_10s=7)}, "7 requests"),
}
"""Setting -> what it is turned to, and words that stand in the document then and not before.

A setting that becomes claim-relevant needs a row.
"""


def _texts(node: Any) -> Iterator[str]:
    """Every text of the document, but for the facts that are printed as data only."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _texts(value)


def _said(document: Document) -> str:
    return "\n".join(_texts(msgspec.to_builtins(document.sections)))


def _document(make_inputs: Callable[..., Inputs], **settings: Any) -> Document:
    return compose(make_inputs(facts=facts_of(Settings(**{"public_url": URL, **settings}))))


@pytest.mark.parametrize("name", CLAIM_RELEVANT)
def test_a_claim_relevant_setting_shows(
    make_inputs: Callable[..., Inputs], name: str, tmp_path: Path
) -> None:
    """Each of them, turned alone, changes what the sections say."""
    assert name in TURNED, f"give {name} a row in TURNED"
    turned, words = TURNED[name]
    if name == "tls_certificate":
        turned = {name: tmp_path / "certificate.pem", "tls_key": tmp_path / "key.pem"}
    assert words not in _said(_document(make_inputs))
    assert words in _said(_document(make_inputs, **turned))


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_in_force_is_printed(make_inputs: Callable[..., Inputs], name: str) -> None:
    """Each limit, turned alone, changes a row of the table of limits, and no default is left."""
    limit = LIMITS[name]
    other = limit.default - 1 if limit.default > 1 else limit.default + 1
    before, after = (
        _said(_document(make_inputs)),
        _said(_document(make_inputs, limits=Limits(**{name: other}))),
    )
    assert before != after


def test_every_row_is_a_setting() -> None:
    """No row tests a setting that is gone."""
    assert set(TURNED) <= set(CLAIM_RELEVANT)
