"""Values as YAML text: the same value gives the same bytes, on any machine.

Long texts become blocks, strings that any YAML reader might take for something else are quoted, and
nothing is an alias. Scalars follow YAML 1.2 core, which is what the loader reads.
"""

import re
from typing import Any, Final

import yaml

_WIDTH: Final = 100
_LOOKS_LIKE_NUMBER = re.compile(
    r"[-+]?(\.?[0-9][0-9_]*(\.[0-9]*)?([eE][-+]?[0-9]+)?|0[ox][0-9a-fA-F]+)"
)
_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_BASE):  # type: ignore[misc]  # the C dumper has no stubs
    """PyYAML's safe dumper without aliases, with blocks for long texts."""

    def ignore_aliases(self, _data: Any) -> bool:
        """Each value is written where it stands."""
        return True


def _text(dumper: Any, value: str) -> Any:
    style = None
    if "\n" in value and all(line == line.rstrip() for line in value.split("\n")):
        style = "|"
    elif _LOOKS_LIKE_NUMBER.fullmatch(value):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(value: Any, *, note: str) -> str:
    """The value as one YAML document under a comment line."""
    body: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=_WIDTH,
    )
    return f"# {note}\n{body}"
