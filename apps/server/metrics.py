"""Counts and times of a server, in the format of Prometheus.

Every value of a label is a name in this program: nothing that a visitor writes becomes one.
"""

from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

import seqcore

disable_created_metrics()  # When a count began says no more than when the process did.
_REGISTRY = CollectorRegistry()
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

CALLS = Counter(
    "seqcore_calls", "Calls that have ended: ok, refused (the input), busy, error, or left (nobody waits any more).",
    ["endpoint", "outcome"], registry=_REGISTRY,
)  # fmt: skip
CALL_SECONDS = Histogram(
    "seqcore_call_seconds", "How long calls took once they were begun, batches that they waited for included.",
    ["endpoint"], buckets=_SECONDS, registry=_REGISTRY,
)  # fmt: skip
QUEUE_SECONDS = Histogram(
    "seqcore_queue_seconds", "How long calls waited before they were begun.",
    ["endpoint"], buckets=_SECONDS, registry=_REGISTRY,
)  # fmt: skip
BATCH_ITEMS = Histogram(
    "seqcore_batch_items", "Items that a model worked on together; their sum is how many were answered.",
    ["work"], buckets=(1, 2, 4, 8, 16, 32, 64), registry=_REGISTRY,
)  # fmt: skip
BATCH_SECONDS = Histogram(
    "seqcore_batch_seconds", "How long a model worked on a batch.", ["work"], buckets=_SECONDS, registry=_REGISTRY
)
BATCH_WAIT_SECONDS = Histogram(
    "seqcore_batch_wait_seconds", "How long items waited until their batch was begun.",
    ["work"], buckets=_SECONDS, registry=_REGISTRY,
)  # fmt: skip
UPLOADED_BYTES = Counter("seqcore_uploaded_bytes", "Bytes of uploads, refused ones included.", registry=_REGISTRY)
RESPONSES = Counter(
    "seqcore_responses", "Answers to HTTP requests, by the class of their status.", ["status"], registry=_REGISTRY
)
ProcessCollector(registry=_REGISTRY)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


Info("seqcore_build", "The versions that serve.", registry=_REGISTRY).info(
    {"version": seqcore.__version__, "torch": _version("torch"), "gradio": _version("gradio")}
)


class _Gauges(Collector):
    """What is asked for when somebody looks."""

    def __init__(self, measure: Callable[[], Iterable[Metric]]) -> None:
        self._measure = measure

    def collect(self) -> Iterable[Metric]:
        return self._measure()


def exposition(measure: Callable[[], Iterable[Metric]]) -> bytes:
    """All counts of this process, and what a server has now, as text."""
    now = CollectorRegistry()
    now.register(_Gauges(measure))
    return generate_latest(_REGISTRY) + generate_latest(now)


def gauge(name: str, meaning: str, value: float) -> Metric:
    """One number as it is now."""
    return GaugeMetricFamily(name, meaning, value)


def gauges(name: str, meaning: str, label: str, values: dict[str, float]) -> Metric:
    """A number for each value of a label."""
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
