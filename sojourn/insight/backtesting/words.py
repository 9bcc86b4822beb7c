"""The words of a backtest, for a terminal and for a page."""

from collections import Counter
from collections.abc import Sequence

from sojourn.domain.facts.words import span
from sojourn.insight.backtesting.comparing import Change, Counts, Kind, typical
from sojourn.insight.backtesting.side import Side

MOVED = (Kind.EARLIER, Kind.LATER)


def pair(then: int, now: int) -> str:
    """Say a number under both versions: ``12``, or ``12 → 14``."""
    return f"{now}" if then == now else f"{then} → {now}"


def skipped_words(then: Counts, now: Counts) -> str:
    """Say how many messages were skipped under both versions, by reason."""
    reasons = dict.fromkeys([*then.skipped, *now.skipped])
    return ", ".join(f"{pair(then.skipped[one], now.skipped[one])} {one}" for one in reasons)


def run_words(side: Side, journey: str) -> str:
    """Say how many runs of a journey began under a version, how they ended, and who was refused."""
    outcomes = sorted(side.outcomes.get(journey, Counter()).items())
    told = [f"{number} {outcome}" for outcome, number in outcomes]
    refused = sorted(side.refused.get(journey, Counter()).items())
    told += [f"{number} starts refused: {reason}" for reason, number in refused]
    number = side.entered[journey]
    runs = "1 run" if number == 1 else f"{number} runs"
    return runs + (f" ({', '.join(told)})" if told else "")


def change_words(changes: Sequence[Change]) -> str:
    """Say how a message differs, for how many customers.

    Args:
        changes: of one kind and one step; at least one.

    Returns:
        ``abandoned-cart/reminder: gets it later by 24 h in the middle (12 customers)``.
    """
    first = changes[0]
    who = len({one.customer_id for one in changes})
    times = f"{len(changes)} messages, " if len(changes) > who else ""
    customers = "1 customer" if who == 1 else f"{who} customers"
    by = f" by {span(abs(typical(changes)))} in the middle" if first.kind in MOVED else ""
    return f"{'/'.join(first.name)}: {first.kind}{by} ({times}{customers})"


def left_out_words(before: Side, after: Side) -> str:
    """Say which journeys were not played; empty if all were."""
    names = sorted({*before.left_out, *after.left_out})
    why = "not played, because a confirmation begins them and nobody answers it here"
    return f"{', '.join(names)}: {why}" if names else ""
