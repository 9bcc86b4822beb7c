"""One measured figure, with its bar."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Args:
        benchmark: the name of the benchmark.
        what: a description of the figure.
        measured: the figure; the median for repeated rounds.
        unit: ``ms``, ``MB``, ``/s``; empty for counts and ratios.
        at_most: the bar, if less is better.
        at_least: the bar, if more is better.
    """

    benchmark: str
    what: str
    measured: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def bar(self) -> str:
        """Return the bar in words; empty if there is none."""
        if self.at_most is not None:
            return f"{_figure(self.at_most)} or less"
        return f"{_figure(self.at_least)} or more" if self.at_least is not None else ""

    @property
    def ok(self) -> bool | None:
        """Return whether the bar is met; None if there is none."""
        if self.at_most is not None:
            return self.measured <= self.at_most
        return self.measured >= self.at_least if self.at_least is not None else None

    @property
    def verdict(self) -> str:
        """Return ``ok``, ``miss`` or nothing."""
        return {True: "ok", False: "miss", None: ""}[self.ok]

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the row for the table."""
        figure = f"{_figure(self.measured)} {self.unit}".strip()
        return (self.benchmark, self.what, figure, self.bar, self.verdict)

    def as_json(self) -> dict[str, Any]:
        """Return the row for ``--json``."""
        return {**asdict(self), "ok": self.ok}


def _figure(value: float) -> str:
    if value == round(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
