"""The words of a backtest, for a terminal and for a page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from sojourn.domain.facts.words import span
from sojourn.insight.backtesting.comparing import Change, Counts, Kind, typical
from sojourn.insight.backtesting.costing import Bill
from sojourn.insight.backtesting.side import Side

MOVED = (Kind.EARLIER, Kind.LATER)
GAPS: Mapping[str, tuple[str, str]] = {
    "open_runs": (
        "1 run with messages in this time had begun before: it is not played",
        "{} runs with messages in this time had begun before: they are not played",
    ),
    "replaced": (
        "of 1 customer a former value of a trait is gone: the last one is taken instead",
        "of {} customers former values of traits are gone: the last ones are taken instead",
    ),
    "joined": (
        "1 customer was joined of several ids, and is played under one from the beginning",
        "{} customers were joined of several ids, and are played under one from the beginning",
    ),
    "switches": (
        "1 switch of an operator was on: it is not played",
        "{} switches of operators were on: they are not played",
    ),
    "campaigns": (
        "1 message of a campaign is not played",
        "{} messages of campaigns are not played",
    ),
    "erased": (
        "1 customer was erased since, and is left out",
        "{} customers were erased since, and are left out",
    ),
    "restricted": (
        "of 1 customer the data may not be used: left out",
        "of {} customers the data may not be used: left out",
    ),
    "unreadable": (
        "1 event cannot be read by its class any more, and is left out",
        "{} events cannot be read by their classes any more, and are left out",
    ),
    "aside": (
        "1 event was set aside, no run heard of it, and it is left out",
        "{} events were set aside, no run heard of them, and they are left out",
    ),
}
"""Things that the store does not know, or memory does not play: of one, and of several."""
NO_PRICES = "cost: not told: no prices.toml names a price of text messages"


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


def left_out_words(names: Iterable[str]) -> str:
    """Say which journeys were not played; empty if all were."""
    found = sorted(set(names))
    why = "not played, because they are in shadow"
    return f"{', '.join(found)}: {why}" if found else ""


def gap_words(gaps: Mapping[str, int]) -> list[str]:
    """Say what the store does not know of what is played, or what of it is not played.

    Args:
        gaps: the numbers, by `GAPS`.

    Returns:
        A line for each.
    """
    found = []
    for gap, (one, several) in GAPS.items():
        if number := gaps.get(gap, 0):
            found.append(one if number == 1 else several.format(number))
    return found


def cost_words(before: Side, after: Side) -> list[str]:
    """Say what the messages of two sides cost, by channel and currency.

    Returns:
        ``cost: sms 12.30 → 15.40 EUR (+3.10), 41 → 52 segments``, a line for each.
    """
    found = []
    for channel in sorted({*before.bills, *after.bills}):
        then, now = (side.bills.get(channel, Bill()) for side in (before, after))
        segments = f"{pair(then.segments, now.segments)} segments"
        for currency in sorted({*then.amounts, *now.amounts}):
            was, becomes = (bill.amounts.get(currency, Decimal(0)) for bill in (then, now))
            cost = f"{becomes}" if was == becomes else f"{was} → {becomes}"
            by = "" if was == becomes else f" ({becomes - was:+})"
            found.append(f"cost: {channel} {cost} {currency}{by}, {segments}")
        if then.unpriced or now.unpriced:
            number = pair(then.unpriced, now.unpriced)
            found.append(f"cost: {channel}: of {number} sent, no price is known")
    return found or ["cost: no text message was sent, and no other channel has a price each"]
