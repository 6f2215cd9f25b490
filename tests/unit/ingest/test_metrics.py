"""The histogram that takes whole columns is one that Prometheus understands."""

import numpy as np
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from ingest.metrics import ColumnHistogram, IngestMetrics

BOUNDS = (0.1, 1.0, 10.0)
VALUES = [0.0, 0.05, 0.1, 0.5, 1.0, 5.0, 100.0]


def test_it_says_what_a_usual_histogram_says() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    column = ColumnHistogram("lag", "Lag.", BOUNDS, ours)
    usual = Histogram("lag", "Lag.", buckets=BOUNDS, registry=theirs)
    column.observe(np.array(VALUES[:3]))
    column.observe(np.array(VALUES[3:]))
    for value in VALUES:
        usual.observe(value)
    said = [line for line in generate_latest(theirs).decode().splitlines() if "_created" not in line]
    assert generate_latest(ours).decode().splitlines() == said


def test_quantiles_are_bounds_of_buckets() -> None:
    column = ColumnHistogram("lag", "Lag.", BOUNDS, CollectorRegistry())
    assert str(column.quantile(0.5)) == "nan"
    column.observe(np.array(VALUES))
    assert [column.quantile(share) for share in (0.4, 0.5, 0.85, 1.0)] == [0.1, 1.0, 10.0, float("inf")]


def test_every_metric_has_the_prefix() -> None:
    names = [metric.name for metric in IngestMetrics().registry.collect()]
    assert len(names) > 20
    assert all(name.startswith("outrider_ingest_") for name in names)
