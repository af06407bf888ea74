"""The table of metrics for operators names what the registry holds, label by label."""

import re
from pathlib import Path
from typing import Any

from mcpassport.observe.metrics import Metrics
from mcpassport.observe.tallies import Counts, Family

PAGE = Path(__file__).parents[3] / "docs" / "operate.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| ((?:`[a-z_]+`(?:, )?)*) ?\|", re.MULTILINE)


def described() -> dict[str, set[str]]:
    text = PAGE.read_text().partition("| metric (`mcpassport_…`)")[2].partition("\n\n")[0]
    return {name: set(re.findall(r"`([a-z_]+)`", labels)) for name, labels in ROW.findall(text)}


def held() -> dict[str, set[str]]:
    collectors: list[Any] = list(Metrics().registry._collector_to_names)
    names: dict[str, set[str]] = {}
    for collector in collectors:
        if isinstance(collector, Family):
            suffix = "_total" if isinstance(collector, Counts) else ""
            names[collector.name.removeprefix("mcpassport_") + suffix] = set(collector.labels)
        elif hasattr(collector, "_labelnames"):
            names[collector._name.removeprefix("mcpassport_")] = set(collector._labelnames)
    return names


def test_the_page_for_operators_lists_every_metric_with_its_labels() -> None:
    """No metric is missing from the page, none is made up, and the labels are the same."""
    assert described() == held()
    assert len(held()) > 10
