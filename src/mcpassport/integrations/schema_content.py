"""What a method may say of its answer, and of the client that can read it."""

import re
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from mcpassport.expressions import parse_template
from mcpassport.integrations.schema_kinds import Strict
from mcpassport.integrations.schema_text import ARGUMENTS, Jsonata, check_template, mistake
from mcpassport.upstream.content import BLOCKS_MAX
from mcpassport.upstream.media import is_media_type

_URI: Final = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]+")
_PARTS: Final[dict[str, tuple[str, ...]]] = {
    "roots": (),
    "sampling": ("context", "tools"),
    "elicitation": ("form", "url"),
}
"""Of the MCP type ClientCapabilities: what each may be narrowed to."""
_NAMED: Final = frozenset({"extensions", "experimental"})
"""Members of which one must be named."""
_PLACEHOLDER: Final = re.compile(r"\{\{.*?\}\}")


def _media_type(text: str) -> str:
    if not is_media_type(text):
        raise mistake(
            "This is not a media type.", "Write type/subtype in lower case, such as image/png."
        )
    return text


def _uri(text: str) -> str:
    check_template(text, "uri", ARGUMENTS)
    if any(placeholder.cast for placeholder in parse_template(text, "uri").placeholders):
        raise mistake("A cast has no use here.", "Write {{args.x}}; any value becomes text.")
    if not _URI.fullmatch(_PLACEHOLDER.sub("x", text)):
        raise mistake(
            "This is not the address of a resource.",
            "Write a scheme and what follows it, such as crm://files/{{args.id}}.",
        )
    return text


def _capability(text: str) -> str:
    kind, _, part = text.partition(".")
    fits = kind in _PARTS and (not part or part in _PARTS[kind])
    if not fits and not (kind in _NAMED and part):
        raise mistake(
            "This is not a client capability.",
            "Write roots, sampling, sampling.context, sampling.tools, elicitation, "
            "elicitation.form, elicitation.url, extensions.<id> or experimental.<name>.",
        )
    return text


MediaType: TypeAlias = Annotated[str, AfterValidator(_media_type)]
Uri: TypeAlias = Annotated[str, StringConstraints(max_length=500), AfterValidator(_uri)]


Capability: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z]+(\.[A-Za-z0-9][A-Za-z0-9./_-]*)?$", max_length=200),
    AfterValidator(_capability),
]


class ContentBlock(Strict):
    """One block of the answer; without `mime_type` its type is that of the response."""

    type: Literal["text", "image", "audio", "resource"]
    value: Jsonata
    mime_type: MediaType | None = None
    uri: Uri | None = None

    @model_validator(mode="after")
    def _fits(self) -> "ContentBlock":
        if self.uri is not None and self.type != "resource":
            raise mistake("Only a resource has an address.", "Remove uri, or write type: resource.")
        if self.mime_type is None or self.type == "resource":
            return self
        if self.type == "text":
            raise mistake(
                "A text block has no media type.", "Remove mime_type, or write type: resource."
            )
        if not self.mime_type.startswith(f"{self.type}/"):
            raise mistake(
                f"The media type is not one of {self.type}/*.",
                f"Write {self.type}/…, or type: resource.",
            )
        return self


def _form(value: Any) -> str:
    return "blocks" if isinstance(value, list) else "auto"


Content: TypeAlias = Annotated[
    Annotated[Literal["auto"], Tag("auto")]
    | Annotated[list[ContentBlock], Field(min_length=1, max_length=BLOCKS_MAX), Tag("blocks")],
    Discriminator(_form),
]
"""`auto`: by the media type of the response."""
