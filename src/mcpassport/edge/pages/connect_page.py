"""The page on which a customer connects an account: plain HTML, which works without JavaScript."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mcpassport.records.integration import CredentialField
from mcpassport.reference.contrast import DARK_GROUND, LIGHT_GROUND, readable
from mcpassport.reference.prose import show
from mcpassport.reference.vendor import Vendor

_STYLE: Final = files("mcpassport.edge.templates").joinpath("connect.css").read_text("utf-8")
_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("mcpassport.edge"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Content(NamedTuple):
    """What one page says, and what it asks."""

    title: str
    lines: Sequence[str] = ()
    scopes: Sequence[str] = ()
    fields: Sequence[CredentialField] = ()
    problems: Sequence[str] = ()
    button: str = ""


def render(content: Content, vendor: Vendor) -> bytes:
    """The page. Every value is escaped, and invisible characters are spelled out."""
    text = _ENVIRONMENT.get_template("connect.html").render(
        title=show(content.title),
        lines=[show(line) for line in content.lines],
        scopes=[show(scope) for scope in content.scopes],
        fields=content.fields,
        problems=[show(problem) for problem in content.problems],
        button=content.button,
        name=show(vendor.name),
        footer=show(vendor.footer),
        logo=vendor.logo,
        style=Markup(_styled(vendor.accent)),  # noqa: S704  # our own file; the accent matches #rrggbb
    )
    return text.encode()


def policy(vendor: Vendor, provider: str = "") -> str:
    """The page's Content-Security-Policy: it loads nothing, and its form leads to us.

    A browser applies `form-action` to the redirect too, so the provider's origin is named.
    """
    digest = base64.b64encode(hashlib.sha256(_styled(vendor.accent).encode()).digest()).decode()
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{digest}'",
            "img-src data:",
            f"form-action 'self' {provider}".rstrip(),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )


def _styled(accent: str) -> str:
    light, dark = readable(accent, LIGHT_GROUND), readable(accent, DARK_GROUND)
    return (
        f":root{{--accent:{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}\n{_STYLE}"
    )
