"""How fast the page of the reference is with many tools, in a real browser.

    python -m bench.page        writes bench/page.json and prints it

Opens the page of 1,000 and of 5,000 tools from a file. `load_ms` is the time from asking for the
page until its load event, scripts and all; `search_ms` the time from a key until what was found is
laid out, the slowest of a word typed letter by letter; the index is made before, at focus.
"""

import json
import os
import platform
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.sync_api import Browser
from tests.support.browser import running_browser, visit
from tests.support.references import built, of_tools, tool

RESULTS: Final = Path(__file__).parent / "page.json"
COUNTS: Final = (1000, 5000)
ROUNDS: Final = 5
WORD: Final = "field_7"
GOALS: Final = {"load_ms": 2000, "search_ms": 50}
"""For 1,000 tools."""
LOAD: Final = "performance.getEntriesByType('navigation')[0].loadEventEnd"
SEARCH: Final = """word => {
  const input = document.getElementById("find");
  input.focus();
  const times = [];
  for (let end = 1; end <= word.length; end += 1) {
    const start = performance.now();
    input.value = word.slice(0, end);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    document.getElementById("found").getBoundingClientRect();
    times.push(performance.now() - start);
  }
  return times;
}"""


def measured(browser: Browser, count: int) -> dict[str, Any]:
    """The medians of some rounds with that many tools, each in a fresh profile."""
    fields = {f"field_{n}": {"type": "string", "description": "A field of it."} for n in range(8)}
    schema = {"type": "object", "properties": fields}
    text = "Lists the things of the shop, newest first, with all that is known of each. " * 4
    tools = tuple(tool(f"list_all_shop_things_{n:04}", schema, text) for n in range(count))
    loads, searches = [], []
    with TemporaryDirectory() as folder:
        address = built(of_tools(tools), Path(folder))
        size = (Path(folder) / "index.html").stat().st_size
        for _ in range(ROUNDS):
            with visit(browser, address) as seen:
                loads.append(seen.page.evaluate(LOAD))
                searches.append(max(seen.page.evaluate(SEARCH, WORD)))
    return {
        "tools": count,
        "page_bytes": size,
        "load_ms": round(median(loads)),
        "search_ms": round(median(searches), 1),
    }


def main() -> None:
    """Measure, write, print."""
    with running_browser() as browser:
        results = {
            "format": 1,
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "chromium": browser.version,
            "goals": GOALS,
            "pages": [measured(browser, count) for count in COUNTS],
        }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
