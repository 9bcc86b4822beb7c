"""What Prometheus is told. Sums are right over several processes: each writes files of its own."""

import os
import re

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from sojourn.domain.reports import Kind
from sojourn.gateway.tracking.taking import Outcome, Taken

CONTENT_TYPE = CONTENT_TYPE_LATEST
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Where processes share their numbers; to be set before this is imported."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "sojourn_gateway_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self.seconds = Histogram(
            "sojourn_gateway_request_seconds",
            "From a request's first line to its answer.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self.in_work = Gauge(
            "sojourn_gateway_in_work",
            "Requests that wait for their answer.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.calls = Counter(
            "sojourn_gateway_calls",
            "Calls of the tracking API, each item of a batch for itself.",
            ("type", "outcome"),
            registry=self._registry,
        )
        self.quarantined = Counter(
            "sojourn_gateway_quarantined",
            "Known events that did not validate.",
            ("event", "path", "reason"),
            registry=self._registry,
        )
        self.reports = Counter(
            "sojourn_gateway_reports",
            "What providers told of messages.",
            ("provider", "kind"),
            registry=self._registry,
        )
        self.unmatched = Counter(
            "sojourn_gateway_reports_unmatched",
            "What providers told of messages that are none of ours.",
            ("provider",),
            registry=self._registry,
        )

    def count_report(self, provider: str, kind: Kind, *, matched: bool) -> None:
        """Count what a provider told, and whether it was about a message of ours."""
        self.reports.labels(provider, kind.value).inc()
        if not matched:
            self.unmatched.labels(provider).inc()

    def count(self, taken: Taken) -> None:
        """Count what became of a call."""
        self.calls.labels(taken.type or "unknown", taken.outcome.value).inc()
        if taken.outcome is Outcome.QUARANTINED and taken.fault is not None:
            # a number in them says which item it was, not what was wrong: one series for all
            path, reason = (
                re.sub(r"\d+", "N", text)[:100] for text in (taken.fault.path, taken.fault.reason)
            )
            self.quarantined.labels(taken.event, path, reason).inc()

    def text(self) -> bytes:
        """All of it, of all processes, in Prometheus' format."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
