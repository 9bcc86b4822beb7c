"""`ABStanding`: where the A/B test of a launched campaign stands, and how its winner is found."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from pydantic import AwareDatetime

from sojourn.domain.ab import ABTest, Measure
from sojourn.domain.experiment import drawn, point
from sojourn.domain.shape import Shape


class ABResult(Shape):
    """The messages of one variant to the share, as they were counted for the decision.

    Args:
        variant: its name.
        sent: messages that left.
        reached: messages of these that were clicked, or that the event followed.
    """

    variant: str
    sent: int
    reached: int

    @property
    def rate(self) -> Fraction:
        """The part of the messages that were clicked or followed by the event; 0 if none left."""
        return Fraction(self.reached, self.sent) if self.sent else Fraction(0)


def winner_of(results: Sequence[ABResult]) -> str:
    """Return the variant with the greatest rate; in a tie, the first one.

    Args:
        results: one of each variant, in their order.
    """
    return max(results, key=lambda one: one.rate).variant  # max keeps the first of equal ones


class ABPlan(Shape):
    """The test as the plan of a launched campaign keeps it.

    Args:
        variants: name and template of each, in their order.
        share: the part of the audience that it is tried on.
        event: the name of the event by which it is decided; empty: by clicks.
        after: the time from the last message to the share until the winner is found.
    """

    variants: tuple[tuple[str, str], ...]
    share: float
    event: str
    after: timedelta

    @classmethod
    def of(cls, test: ABTest) -> "ABPlan":
        """Return the plan of a test."""
        return cls(
            variants=tuple(test.variants.items()),
            share=test.share,
            event=test.event,
            after=test.after,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its variants, in their order."""
        return tuple(name for name, _ in self.variants)

    @property
    def by(self) -> str:
        """The measure, in words: ``click``, or the name of an event."""
        return self.event or Measure.CLICK.value

    def template(self, variant: str) -> str:
        """Return the template of a variant."""
        return dict(self.variants)[variant]

    def drawn(self, campaign_id: str, customer_id: str) -> str | None:
        """Return the variant of a customer in the share; None: the customer is in the rest.

        Each launch draws for itself: nobody is in the share of every newsletter.

        Args:
            campaign_id: of the launch.
            customer_id: who is drawn for.
        """
        if point(campaign_id, customer_id) >= self.share:
            return None
        return drawn(campaign_id, dict.fromkeys(self.names, 1), customer_id)


class ABStanding(Shape):
    """The standing of a campaign's test.

    Args:
        by: the measure, in words.
        variants: the names, in their order.
        after: as in `ABPlan`.
        decides_at: when the winner is to be found; None: some of the share have no message yet.
        decided_at: when the winner was found; None: not yet.
        winner: its name; empty: there is none yet.
        results: those by which it was found.
    """

    by: str
    variants: tuple[str, ...]
    after: timedelta
    decides_at: AwareDatetime | None = None
    decided_at: AwareDatetime | None = None
    winner: str = ""
    results: tuple[ABResult, ...] = ()

    @property
    def open_until(self) -> datetime | None:
        """When the winner is to be found; None: that is not known yet, or it is found."""
        return None if self.winner else self.decides_at

    def __str__(self) -> str:
        """Return it in words: ``warm wins by click: plain 12 of 100, warm 20 of 101``."""
        if self.winner:
            return f"{self.winner} wins by {self.by}: {in_words(self.results)}"
        names = " or ".join(self.variants)
        if self.decides_at is None:
            return f"{names} by {self.by}, {self.after} after the last of the share had it"
        return f"{names} by {self.by}, at {self.decides_at:%Y-%m-%d %H:%M} UTC"


def in_words(results: Sequence[ABResult]) -> str:
    """Return results as ``plain 12 of 100, warm 20 of 101``."""
    return ", ".join(f"{one.variant} {one.reached:,} of {one.sent:,}" for one in results)
