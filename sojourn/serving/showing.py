"""Showing: gauges for Prometheus of what the store has counted.

The counts are sums of rollups, which are exact whatever is killed. Each worker shows the same
numbers, so they are asked for by ``max by``, not by ``sum``, and how much they grew by ``delta`` of
that: a number may go down, where a message is counted otherwise than before. A counter in each
worker would lose what it counted just before it died, and could take nothing back.
"""

from collections.abc import Mapping
from typing import Any

from temporalio.common import MetricGauge
from temporalio.runtime import Runtime

from sojourn.domain.measuring.measures import COLUMNS
from sojourn.store import Store, alerts
from sojourn.store.measuring import marks, totals

Labels = tuple[tuple[str, str], ...]


class Shown:
    """The gauges of a worker.

    Args:
        runtime: whose page of metrics has them.
        store: open.
    """

    def __init__(self, runtime: Runtime, store: Store) -> None:
        meter = runtime.metric_meter
        self._store = store
        self._measured = meter.create_gauge(
            "sojourn_measured", "What messages did, by journey or campaign, channel and measure."
        )
        self._skipped = meter.create_gauge(
            "sojourn_measured_reasons", "Messages that did not leave, by reason."
        )
        self._revenue = meter.create_gauge_float(
            "sojourn_measured_revenue", "Revenue credited to messages, by currency."
        )
        self._uncounted = meter.create_gauge(
            "sojourn_measured_waiting", "Changes that are not counted yet."
        )
        self._alerts = meter.create_gauge("sojourn_alert", "1 while an alert stands.")
        self._untold = meter.create_gauge(
            "sojourn_alerts_untold", "Words of alerts that could not be told yet."
        )
        self._had: dict[MetricGauge | Any, set[Labels]] = {}

    async def measures(self) -> None:
        """Show all that is measured."""
        async with self._store.reading() as session:
            sums = await totals.measures(session)
            reasons = await totals.reasons(session)
            revenue = await totals.revenue(session)
            waiting = await marks.waiting(session)
        self._set(
            self._measured,
            {
                (("source", source), ("channel", channel), ("measure", measure)): number
                for (source, channel), numbers in sums.items()
                for measure, number in zip(("entered", *COLUMNS), numbers, strict=True)
                # all of them once there is a message: growth is seen from zero on
                if number or (channel and measure != "entered")
            },
        )
        self._set(
            self._skipped,
            {
                (("source", source), ("reason", reason)): number
                for (source, reason), number in reasons.items()
            },
        )
        self._set(
            self._revenue,
            {
                (("source", source), ("currency", currency)): value
                for (source, currency), value in revenue.items()
            },
        )
        self._uncounted.set(waiting)

    async def alerts(self) -> None:
        """Show the alerts that stand, and who could not be told."""
        async with self._store.reading() as session:
            standing = await alerts.standing(session)
            untold = await alerts.untold(session)
        self._set(self._alerts, {_named(row.name): 1 for row in standing})
        to: dict[Labels, int] = {}
        for word in untold:
            labels = (("sink", word.sink.rpartition("-")[0] or word.sink),)
            to[labels] = to.get(labels, 0) + 1
        self._set(self._untold, to)

    def _set(self, gauge: Any, numbers: Mapping[Labels, float]) -> None:
        """Set a gauge; what it had and is there no more is 0."""
        had = self._had.setdefault(gauge, set())
        for labels in had - numbers.keys():
            gauge.set(0, dict(labels))
        for labels, number in numbers.items():
            gauge.set(number, dict(labels))
        had |= numbers.keys()


def _named(name: str) -> Labels:
    kind, _, about = name.partition(":")
    return ("kind", kind), ("about", about)
