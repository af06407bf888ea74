"""Numbers that one event loop counts, and that a Prometheus registry collects.

The library's own metrics guard each number with a lock and check it at each step, for programs of
many threads; a request touches twenty of them. Here counting is an addition.
"""

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Count:
    """How many."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def inc(self) -> None:
        """One more."""
        self.value += 1

    def dec(self) -> None:
        """One less, where it counts what is under way."""
        self.value -= 1


class Times:
    """How many took how long: by upper bounds in seconds, with one place for what is longer."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """One more, which took so long."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """How many took at most so long, for each bound and for none, as the format wants it."""
        names = [*map(floatToGoString, self._bounds), "+Inf"]
        return list(zip(names, accumulate(self.counts), strict=True))


T = TypeVar("T")


class Family(Collector, Generic[T]):
    """The numbers of one name, by their label values; each is made when it is first counted."""

    def __init__(
        self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry
    ) -> None:
        self.name = name
        self.labels = labels
        self._text = text
        self._kept: dict[tuple[str, ...], T] = {}
        registry.register(self)

    def of(self, *values: str) -> T:
        """The number with these label values."""
        found = self._kept.get(values)
        if found is None:
            found = self._kept[values] = self._new()
        return found

    @abstractmethod
    def _new(self) -> T:
        """A number that nothing was added to yet."""


class Counts(Family[Count]):
    """Counters; their samples are called `<name>_total`."""

    def collect(self) -> Iterable[Metric]:
        """What the registry shows."""
        shown = CounterMetricFamily(self.name, self._text, labels=self.labels)
        for values, count in self._kept.items():
            shown.add_metric(values, count.value)
        yield shown

    def _new(self) -> Count:
        return Count()


class Durations(Family[Times]):
    """Histograms over the same bounds, in seconds."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str],
        registry: CollectorRegistry,
        *,
        bounds: Sequence[float],
    ) -> None:
        super().__init__(name, text, labels, registry)
        self._bounds = bounds

    def collect(self) -> Iterable[Metric]:
        """What the registry shows."""
        shown = HistogramMetricFamily(self.name, self._text, labels=self.labels)
        for values, times in self._kept.items():
            shown.add_metric(values, times.buckets(), times.total)
        yield shown

    def _new(self) -> Times:
        return Times(self._bounds)
