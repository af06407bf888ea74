"""The index of references, served at `/reference` and written beside exported ones."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mcpassport.reference.contrast import DARK_GROUND, LIGHT_GROUND, readable
from mcpassport.reference.document import Branding
from mcpassport.reference.prose import show
from mcpassport.reference.renderers import FORMATS
from mcpassport.reference.renderers.markdown import inline
from mcpassport.reference.renderers.page import content_security_policy

_STYLE: Final = files("mcpassport.reference.templates").joinpath("shelf.css").read_text("utf-8")
_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("mcpassport.reference"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SHOWN: Final = {"md": "Markdown", "json": "JSON", "csv": "CSV", "server.json": "server.json"}
"""Formats that a line of the index names, beside the page itself."""


class Entry(NamedTuple):
    """An integration with a reference: its name, label and version (0: not pushed)."""

    name: str
    label: str
    version: int


class Links(NamedTuple):
    """How an index leads to the page of an integration, and to the folder of its files."""

    page: str
    folder: str


SERVED: Final = Links("/reference/{name}", "/reference/{name}/")
BESIDE: Final = Links("{name}/index.html", "{name}/")


def shelf_page(entries: Sequence[Entry], branding: Branding, links: Links) -> bytes:
    """The page that lists them; it loads nothing."""
    style = _style(branding.accent)
    text = _ENVIRONMENT.get_template("shelf.html").render(
        entries=[each._replace(label=show(each.label)) for each in entries],
        links=links,
        formats={label: FORMATS[suffix].file for suffix, label in _SHOWN.items()},
        name=show(branding.name),
        footer=show(branding.footer),
        logo=branding.logo,
        style=Markup(style),  # noqa: S704  # our own file; the accent matches #rrggbb
        policy=content_security_policy(style, ""),
    )
    return text.encode()


def shelf_text(entries: Sequence[Entry], branding: Branding, links: Links) -> bytes:
    """The same for a language model, as `llms.txt`."""
    lines = [
        f"# MCP security references of {_line(branding.name)}",
        "",
        "> What AI agents can do over MCP with each integration, for security reviewers.",
        "",
        "## References",
        "",
        *(
            f"- [{_line(each.label)}]"
            f"({links.folder.format(name=each.name)}{FORMATS['llms.txt'].file})"
            for each in entries
        ),
    ]
    return ("\n".join(lines).rstrip() + "\n").encode()


def _line(text: str) -> str:
    return inline(" ".join(text.split()))


def _style(accent: str) -> str:
    light, dark = readable(accent, LIGHT_GROUND), readable(accent, DARK_GROUND)
    return (
        f":root{{--accent:{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}\n{_STYLE}"
    )
