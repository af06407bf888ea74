"""Metrics: closed labels, every sample with its worker, no sample that a caller can make."""

import os

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from mcpassport.observe.metrics import Metrics
from mcpassport.observe.words import INTEGRATIONS_MAX, Names, http_class


def samples(metrics: Metrics) -> list[Sample]:
    families = text_string_to_metric_families(metrics.text().decode())
    return [sample for family in families for sample in family.samples]


def test_what_a_caller_chooses_makes_no_series() -> None:
    """Unknown methods, outcomes and reasons share one label."""
    metrics = Metrics()
    for number in range(500):
        metrics.request("legacy", f"method{number}", f"type{number}", 200, seconds=0.1)
        metrics.refused(f"reason{number}")
        metrics.stranger(f"reason{number}")
    found = samples(metrics)
    [counted] = [s for s in found if s.name == "mcpassport_requests_total"]
    assert counted.value == 500
    assert (counted.labels["rpc_method"], counted.labels["outcome"]) == ("other", "other")
    for name in ("mcpassport_refusals_total", "mcpassport_strangers_total"):
        assert [s.labels["reason"] for s in found if s.name == name] == ["other"]


def test_integrations_beyond_the_limit_share_a_label() -> None:
    """The first 200 names are told apart; the rest is `other`."""
    metrics = Metrics()
    for number in range(INTEGRATIONS_MAX + 50):
        metrics.upstream(f"i{number}", "ok", 200, seconds=0.1)
    found = [s for s in samples(metrics) if s.name == "mcpassport_upstream_requests_total"]
    assert len(found) == INTEGRATIONS_MAX + 1
    assert [s.value for s in found if s.labels["integration"] == "other"] == [50]


def test_every_sample_says_which_process_it_is_of() -> None:
    """A worker answers for itself, and says so."""
    metrics = Metrics()
    metrics.committed(0.001, failed=True)
    metrics.stored("write", 0.001, failed=True)
    metrics.audit_queue(lambda: 3)
    metrics.jobs({"purge": 1_000.0})
    found = samples(metrics)
    assert {s.labels["worker"] for s in found} == {str(os.getpid())}
    values = {s.name: s.value for s in found}
    assert values["mcpassport_audit_queue"] == 3
    assert values["mcpassport_audit_commit_failures_total"] == 1
    assert values["mcpassport_store_failures_total"] == 1
    assert values["mcpassport_job_last_success_timestamp_seconds"] == 1_000


def test_two_registries_know_nothing_of_each_other() -> None:
    """Nothing is global: two apps in one process count apart."""
    one, other = Metrics(), Metrics()
    one.stranger("flood")
    assert b'reason="flood"' in one.text()
    assert b'reason="flood"' not in other.text()


def test_names_and_classes_are_bounded() -> None:
    """An empty name is no name, and a status outside of HTTP is no class."""
    assert [Names(1).bounded(name) for name in ("", "a")] == ["other", "a"]
    assert [http_class(status) for status in (None, 204, 503, 999)] == [
        *("none", "2xx", "5xx", "other"),
    ]
