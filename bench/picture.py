"""The picture of a run: calls per second of every row, and CPU per call, as one SVG.

python -m bench.picture          writes bench/results.svg from bench/results.json
"""

import json
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from bench.parts.throughput import HEADLINE

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results.json"
PICTURE: Final = HERE / "results.svg"

_WIDTH: Final = 760
_ROW: Final = 26
_NAMES: Final = 196
_BAR: Final = 356
_TITLES: Final = {
    "bare": "bare pass-through",
    "minimum": "mcpassport, the least",
    "full": "mcpassport, everything on",
    "fastmcp": "FastMCP, fastest form",
    "fastmcp-sessions": "FastMCP, as it comes",
    "openapi-mcp-gateway": "openapi-mcp-gateway",
    "contextforge": "ContextForge",
}
_OURS: Final = frozenset({"minimum", "full"})
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1c2430}.s{fill:#5b6675;font-size:12px}"
    ".o{fill:#2457a6}.p{fill:#9aa7b8}.b{fill:#fff}"
)


def picture(results: dict[str, Any]) -> str:
    """The SVG; equal results give equal text."""
    connections, body = HEADLINE
    rows = [
        row
        for row in results.get("throughput", ())
        if (row["connections"], row["body"]) == HEADLINE and row["row"] in _TITLES
    ]
    rows.sort(key=lambda row: -row["calls_per_s"])
    height = 78 + _ROW * len(rows)
    title = f"tools/call per second on one core, {connections} connections, {body} bodies"
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect class="b" width="{_WIDTH}" height="{height}"/>',
        f'<text x="12" y="24">{escape(title)}</text>',
        f'<text class="s" x="12" y="{height - 14}">{escape(_caption(results))}</text>',
        *_bars(rows),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bars(rows: Sequence[dict[str, Any]]) -> list[str]:
    most = max((row["calls_per_s"] for row in rows), default=1)
    parts = []
    for number, row in enumerate(rows):
        top = 40 + number * _ROW
        width = max(1, round(_BAR * row["calls_per_s"] / most))
        kind = "o" if row["row"] in _OURS else "p"
        said = f"{row['calls_per_s']:,}/s"
        if row["cpu_us_per_call"] is not None:
            said += f", {row['cpu_us_per_call']:,.0f} µs CPU"
        parts += [
            f'<text x="12" y="{top + 14}">{escape(_TITLES[row["row"]])}</text>',
            f'<rect class="{kind}" x="{_NAMES + 8}" y="{top}" width="{width}" height="18"/>',
            f'<text class="s" x="{_NAMES + 16 + width}" y="{top + 14}">{escape(said)}</text>',
        ]
    return parts


def _caption(results: dict[str, Any]) -> str:
    """When and where; and a warning, if others used the machine."""
    machine = results["machine"]
    busy = max(results.get("busy_before", 0), results.get("busy_after", 0))
    said = f"{results['at'][:10]}, {machine['cpu']}, {machine['cores']} cores"
    if busy > BUSY:
        said += f"; {busy:.0%} of the machine was in use by others: only ratios mean something"
    return said


BUSY: Final = 0.1
"""From this share on a run says that the machine was not its own."""


def main() -> int:
    """Draw the committed results."""
    PICTURE.write_text(picture(json.loads(RESULTS.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
