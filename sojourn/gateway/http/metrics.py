"""Numbers for Prometheus. Each process writes its own files, which are summed up."""

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

from sojourn.domain.messages import Reason

CONTENT_TYPE = CONTENT_TYPE_LATEST
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder in which processes share their numbers; it must be set before
this module is imported."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LAGS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_LONGEST_LABEL = 100


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
        self.unanswered = Gauge(
            "sojourn_gateway_unanswered",
            "Requests that have begun and are not answered: their bodies come, they wait, or work.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.in_work = Gauge(
            "sojourn_gateway_in_work",
            "Requests whose work is under way.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.in_line = Gauge(
            "sojourn_gateway_in_line",
            "Requests that wait for a place.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.told_seconds = Histogram(
            "sojourn_gateway_told_seconds",
            "From an event's arrival until the runs that it concerns are told.",
            buckets=_LAGS,
            registry=self._registry,
        )
        self.telling_now = Gauge(
            "sojourn_gateway_telling",
            "Customers with stored events of which runs are being told.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.left_for_later = Counter(
            "sojourn_gateway_left",
            "Stored events whose runs could not be told at once; they are told later.",
            registry=self._registry,
        )
        self.refused_entries = Counter(
            "sojourn_gateway_entries_refused",
            "Events that would have started a run, and started none.",
            ("journey", "reason"),
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
        self.notes = Counter(
            "sojourn_gateway_notes",
            "Parts of taken calls that were left out, are missing, or that nobody knows.",
            ("event", "path"),
            registry=self._registry,
        )
        self.reports = Counter(
            "sojourn_gateway_reports",
            "Reports of providers on messages.",
            ("provider", "kind"),
            registry=self._registry,
        )
        self.unmatched = Counter(
            "sojourn_gateway_reports_unmatched",
            "Reports of providers on messages that we did not send.",
            ("provider",),
            registry=self._registry,
        )

        self.refused_webhooks = Counter(
            "sojourn_gateway_webhooks_refused",
            "Webhooks that were not taken; 501: a person has to do what they ask for.",
            ("source", "status", "path"),
            registry=self._registry,
        )
        self.twice = Counter(
            "sojourn_gateway_messages_twice",
            "Messages of which a report proved that they went out twice.",
            ("provider",),
            registry=self._registry,
        )

        self.left_out = Counter(
            "sojourn_gateway_webhooks_left_out",
            "Parts of webhooks that could not be read and were left out; the rest was taken.",
            ("source", "path"),
            registry=self._registry,
        )

    def count_left_out(self, source: str, path: str) -> None:
        """Count a part of a webhook that was left out.

        Args:
            source: the name of the source.
            path: the part.
        """
        self.left_out.labels(source, _label(path)).inc()

    def count_refused_webhook(self, source: str, status: int, path: str) -> None:
        """Count a webhook that was not taken.

        Args:
            source: the name of the source or provider.
            status: the HTTP status of the answer.
            path: the field, or the part of the request, at fault.
        """
        self.refused_webhooks.labels(source, str(status), _label(path)).inc()

    def told(self, seconds: float) -> None:
        """Count an event whose runs were told ``seconds`` after it arrived."""
        self.told_seconds.observe(seconds)

    def telling(self, customers: int) -> None:
        """Show the number of customers whose runs are being told."""
        self.telling_now.set(customers)

    def left(self) -> None:
        """Count an event whose runs could not be told at once."""
        self.left_for_later.inc()

    def refused(self, journey: str, reason: Reason) -> None:
        """Count an event that would have started a run of a journey, but was refused."""
        self.refused_entries.labels(journey, reason.value).inc()

    def count_report(self, provider: str, kind: str, *, matched: bool, twice: bool = False) -> None:
        """Count a provider's report.

        Args:
            provider: the provider's name.
            kind: the kind of the report.
            matched: whether it is about a message of ours.
            twice: whether it proves that the message went out twice.
        """
        self.reports.labels(provider, kind).inc()
        if not matched:
            self.unmatched.labels(provider).inc()
        if twice:
            self.twice.labels(provider).inc()

    def count_call(self, kind: str, outcome: str) -> None:
        """Count a call by its type, empty if that is unknown, and by its outcome."""
        self.calls.labels(kind or "unknown", outcome).inc()

    def count_quarantined(self, event: str, path: str, reason: str) -> None:
        """Count a call that went into quarantine.

        Args:
            event: the name of the event that it claims to be.
            path: the field at fault.
            reason: what is wrong with the field.
        """
        self.quarantined.labels(event, _label(path), _label(reason)).inc()

    def count_note(self, event: str, path: str) -> None:
        """Count a part of a call that was left out, is missing, or is unknown.

        Args:
            event: the name of the event; empty if it is unknown.
            path: the part, in names of ours only: a sender must not create series.
        """
        self.notes.labels(event or "unknown", path).inc()

    def text(self) -> bytes:
        """Return the numbers of all processes in Prometheus' format."""
        if SHARED not in os.environ:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


def _label(text: str) -> str:
    # a number tells which item was wrong, not what: all items share one series
    return re.sub(r"\d+", "N", text)[:_LONGEST_LABEL]
