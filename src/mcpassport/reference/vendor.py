"""`vendor.yaml`: how the vendor marks the document, and what only the vendor can state."""

import base64
import re
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mcpassport.errors import Problem, UsageError

LOGO_MAX_BYTES: Final = 100 * 1024
LOGO_TYPES: Final = {".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp"}
DEFAULT_ACCENT: Final = "#1f4e79"

_Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Text = Annotated[str, Field(max_length=4000)]
_Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s<>\"'`]+$")]


class Statements(BaseModel):
    """The vendor's own words; an empty one is printed as "not stated"."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    sub_processors: _Text = ""
    data_residency: _Text = ""
    incident_contact: _Text = ""
    vulnerability_disclosure: _Text = ""
    compliance: _Text = ""
    hosting: _Text = ""
    support: _Text = ""


class Vendor(BaseModel):
    """The vendor of the integration. `logo` is a data URI once loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: _Line = "The vendor"
    product: _Line = "mcpassport"
    logo: str = ""
    accent: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = DEFAULT_ACCENT
    footer: Annotated[str, Field(max_length=500)] = ""
    canonical_url: _Url | None = None
    statements: Statements = Statements()

    @field_validator("logo")
    @classmethod
    def _embedded(cls, value: str) -> str:
        if value and not re.fullmatch(r"data:image/[a-z+]+;base64,[A-Za-z0-9+/=]+", value):
            raise ValueError("a logo is a data URI here; vendor.yaml names a file beside it")
        return value


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key written twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:  # noqa: FBT001, FBT002  # the library's signature
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is written twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def load_vendor(path: Path) -> Vendor:
    """`vendor.yaml` read strictly, its logo file embedded.

    Raises `UsageError` with every problem: where it stands, what is wrong, how to mend it.
    """
    try:
        content = yaml.load(path.read_bytes(), Loader=_UniqueKeys)  # noqa: S506  # a SafeLoader
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise _unusable(path, type(error).__name__) from None
    if not isinstance(content, dict):
        raise _unusable(path, "the file is not a mapping")
    if logo := content.get("logo"):
        content["logo"] = _embed(path, str(logo))
    try:
        return Vendor.model_validate(content)
    except ValidationError as error:
        raise UsageError(
            f"{path.name} has {error.error_count()} problem(s).",
            problems=tuple(
                Problem(
                    where=f"{path.name}: {'.'.join(map(str, item['loc']))}",
                    rule=item["type"],
                    message=item["msg"],
                    mend="See the table of keys in the documentation of vendor.yaml.",
                )
                for item in error.errors(include_input=False, include_url=False)
            ),
        ) from None


def _unusable(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"{path.name} cannot be read ({reason}).",
        problems=(
            Problem(path.name, "format", reason, "Write a YAML mapping, each key once, in UTF-8."),
        ),
    )


def _embed(path: Path, logo: str) -> str:
    file = path.parent / logo
    kind = LOGO_TYPES.get(file.suffix.lower())
    inside = file.resolve().is_relative_to(path.parent.resolve())
    if kind is None or not inside or not file.is_file() or file.stat().st_size > LOGO_MAX_BYTES:
        raise _logo_problem(path, logo)
    return f"data:{kind};base64,{base64.b64encode(file.read_bytes()).decode()}"


def _logo_problem(path: Path, logo: str) -> UsageError:
    mend = f"Name a file beside {path.name}: {', '.join(LOGO_TYPES)}, at most 100 KiB."
    message = f"The logo {logo!r} cannot be embedded."
    return UsageError(message, problems=(Problem(f"{path.name}: logo", "logo", message, mend),))
