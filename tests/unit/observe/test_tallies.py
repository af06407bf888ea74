"""Counting for one event loop, shown as the library shows its own metrics."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from mcpassport.observe.tallies import Counts, Durations

BOUNDS = (0.5, 1.0, 2.0)
TIMES = (0.1, 0.5, 0.7, 1.0, 3.0, 2.0)


def samples(registry: CollectorRegistry) -> list[tuple[object, ...]]:
    """Without the time of creation, which the library adds."""
    return sorted(
        (sample.name, sorted(sample.labels.items()), sample.value)
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    )


def test_a_histogram_is_the_librarys() -> None:
    """Buckets, count and sum are those of the library, at the bounds themselves too."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    durations = Durations("seconds", "text", ("kind",), ours, bounds=BOUNDS)
    histogram = Histogram("seconds", "text", ("kind",), registry=theirs, buckets=BOUNDS)
    for seconds in TIMES:
        durations.of("a").observe(seconds)
        histogram.labels("a").observe(seconds)
    assert samples(ours) == samples(theirs)


def test_a_counter_is_the_librarys() -> None:
    """Each combination of labels counts apart, under the library's name."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counts = Counts("calls", "text", ("kind", "how"), ours)
    counter = Counter("calls", "text", ("kind", "how"), registry=theirs)
    for values in (("a", "x"), ("a", "y"), ("a", "x")):
        counts.of(*values).inc()
        counter.labels(*values).inc()
    assert samples(ours) == samples(theirs)
    assert b'calls_total{how="x",kind="a"} 2.0' in generate_latest(ours)


def test_a_family_that_nobody_counted_in_shows_no_sample() -> None:
    """A name with labels has no series before its first count, as with the library."""
    registry = CollectorRegistry()
    Counts("calls", "text", ("kind",), registry)
    Durations("seconds", "text", ("kind",), registry, bounds=BOUNDS)
    assert samples(registry) == []
