"""The index page at `/reference`: every integration that has a reference here."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mcpassport.reference.prose import show
from mcpassport.reference.renderers.page import content_security_policy
from mcpassport.reference.vendor import Vendor

_STYLE: Final = files("mcpassport.reference.templates").joinpath("shelf.css").read_text("utf-8")
_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("mcpassport.reference"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def shelf_page(entries: Sequence[tuple[str, str]], vendor: Vendor) -> bytes:
    """The page that lists `(name, label)` of each integration; it loads nothing."""
    text = _ENVIRONMENT.get_template("shelf.html").render(
        entries=[(name, show(label)) for name, label in entries],
        name=show(vendor.name),
        style=Markup(_STYLE),  # noqa: S704  # our own file
        policy=content_security_policy(_STYLE, ""),
    )
    return text.encode()
