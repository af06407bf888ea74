"""The HTML page: one self-contained file that loads nothing and works without JavaScript."""

import base64
import hashlib
import json
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mcpassport.reference.contrast import DARK_GROUND, LIGHT_GROUND, readable
from mcpassport.reference.data import encoded
from mcpassport.reference.document import Document
from mcpassport.reference.drawing import svg
from mcpassport.reference.prose import runs, show

_TEMPLATES: Final = files("mcpassport.reference.templates")
STYLES: Final = ("base", "nodes", "tools", "phone", "print")
SCRIPTS: Final = ("search", "copy", "sections", "tools", "open", "verify")
"""Files of `templates/styles` and `templates/scripts`, in this order; each does one thing."""
_BESIDE: Final = ("reference.md", "reference.json", "catalog.csv", "server.json", "llms.txt")


def render(document: Document) -> bytes:
    """The page. Its policy admits its own style and script by hash, and requests to its own host.

    Escaping is the environment's: every value is escaped, and invisible characters are spelled
    out, unless it is markup that this package made.
    """
    style = _style(document.branding.accent)
    script = "".join(_read("scripts", f"{name}.js") for name in SCRIPTS)
    text = _ENVIRONMENT.get_template("page.html").render(
        document=document,
        style=Markup(style),  # noqa: S704  # our own file; the accent matches #rrggbb
        files=_BESIDE,
        script=Markup(script),  # noqa: S704  # our own file
        data=Markup(encoded(document).decode()),  # noqa: S704  # no `<` is in it: see `encoded`
        policy=content_security_policy(style, script),
    )
    return text.encode()


def content_security_policy(style: str, script: str) -> str:
    """The policy for a page with exactly that style and that script."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _style(accent: str) -> str:
    css = "".join(_read("styles", f"{name}.css") for name in STYLES)
    light, dark = readable(accent, LIGHT_GROUND), readable(accent, DARK_GROUND)
    return (
        f":root{{--accent:{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}\n{css}"
    )


def _read(folder: str, name: str) -> str:
    return _TEMPLATES.joinpath(folder).joinpath(name).read_text("utf-8")


def _prose(text: str) -> Markup:
    """Prose as HTML: literal values as code, links inside the document."""
    return Markup("").join(_run(run.text, code=run.code, href=run.href) for run in runs(text))


def _run(text: str, *, code: bool, href: str) -> Markup:
    if code:
        return Markup("<code>{}</code>").format(show(text))
    if href:
        return Markup('<a href="{}">{}</a>').format(href, show(text))
    return escape(show(text))


def _ids(text: str) -> Markup:
    """Control ids, each kept on one line; the hyphens stay hyphens for who searches."""
    parts = (Markup("<span>{}</span>").format(show(each)) for each in text.split(" "))
    return Markup(" ").join(parts)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _finalize(value: Any) -> Any:
    return show(value) if type(value) is str else value


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mcpassport.reference"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(prose=_prose, ids=_ids, json=_json, svg=svg)
    return environment


_ENVIRONMENT: Final = _environment()
