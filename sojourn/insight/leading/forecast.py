"""`Forecast`: the messages that the open runs come to in the next days, by time, channel, money."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from sojourn.domain.facts.words import span
from sojourn.domain.messages import Channel
from sojourn.insight.backtesting.costing import PRICED, Bill
from sojourn.insight.backtesting.side import Line
from sojourn.insight.leading.leading import Led
from sojourn.settings import Settings

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
UNKNOWN = (
    "Not in it: runs that are still to begin, the deeds of customers, campaigns, and pauses of "
    "operators; every provider takes its messages, every activity succeeds"
)


@dataclass(frozen=True)
class Load:
    """The load on the provider of a channel.

    Args:
        channel: the channel.
        provider: that carries it.
        messages: in all.
        busiest: the hour with the most messages; None: there is none.
        most: the messages of that hour.
        limit: messages a second, over all workers; None: no limit is set.
        waits: how long a message waits at most for its turn, by that limit.
    """

    channel: Channel
    provider: str
    messages: int
    busiest: datetime | None
    most: int
    limit: float | None
    waits: timedelta

    @property
    def share(self) -> float | None:
        """The part of the limit that the busiest hour takes; None: no limit is set."""
        return None if not self.limit else self.most / (self.limit * HOUR.total_seconds())


@dataclass(frozen=True)
class Money:
    """The cost of text messages.

    Args:
        amounts: by currency.
        unpriced: texts to numbers for which ``prices.toml`` names no price.
        priced: the other ones.
    """

    amounts: Mapping[str, Decimal]
    unpriced: int
    priced: int


@dataclass(frozen=True)
class Forecast:
    """The messages of the next days.

    Args:
        now: the moment from which it looks ahead.
        until: the moment to which.
        zone: in which days and hours are told.
        runs: that are open.
        broken: those that this code breaks: their messages are not in it.
        hours: the messages that are sent, by the beginning of the hour, channel and journey.
        held: the messages among them that are held first.
        skipped: the messages that are not sent, by reason.
        loads: on the providers.
        money: the cost of texts.
        ends: how runs end in this time, by outcome; ``open`` if they do not.
        left_out: journeys that are not led on.
    """

    now: datetime
    until: datetime
    zone: tzinfo
    runs: int
    broken: Mapping[str, str]
    hours: Mapping[tuple[datetime, str, str], int]
    held: int
    skipped: Mapping[str, int]
    loads: Sequence[Load]
    money: Money
    ends: Mapping[str, int]
    left_out: Sequence[str]

    @property
    def messages(self) -> int:
        """The messages that are sent."""
        return sum(self.hours.values())

    def days(self) -> dict[date, Counter[str]]:
        """Return the messages by day and channel, every day of the time among them."""
        first, last = (at.astimezone(self.zone).date() for at in (self.now, self.until))
        found: dict[date, Counter[str]] = {
            first + timedelta(days=n): Counter() for n in range((last - first).days + 1)
        }
        for (hour, channel, _), number in self.hours.items():
            found[hour.date()][channel] += number
        return found

    def by_hour_of_day(self) -> list[int]:
        """Return the messages by the hour of the day, all days together."""
        found = [0] * 24
        for (hour, _, _), number in self.hours.items():
            found[hour.hour] += number
        return found

    def by(self, place: int) -> dict[str, int]:
        """Return the messages by channel (1) or journey (2), the most first."""
        found: Counter[str] = Counter()
        for key, number in self.hours.items():
            found[str(key[place])] += number
        return dict(found.most_common())


def forecast(led: Led, settings: Settings, zone: tzinfo) -> Forecast:
    """Sum up what the open runs come to.

    Args:
        led: the open runs, led on.
        settings: name the providers and their limits.
        zone: in which days and hours are told.

    Returns:
        The forecast.
    """
    sent = [line for line in led.lines if line.left]
    hours: Counter[tuple[datetime, str, str]] = Counter(
        (_hour(line.decided, zone), line.channel, line.journey) for line in sent
    )
    ends: Counter[str] = Counter()
    for counts in led.ends.values():
        ends.update(counts)
    return Forecast(
        led.now,
        led.until,
        zone,
        len(led.journeys) + len(led.broken),
        led.broken,
        dict(hours),
        sum(line.held for line in sent),
        dict(
            Counter(line.reason or line.state for line in led.lines if not line.left).most_common()
        ),
        [load for channel in Channel if (load := _load(channel, sent, settings, zone)).messages],
        _money(led),
        dict(ends.most_common()),
        led.left_out,
    )


def _hour(at: datetime, zone: tzinfo) -> datetime:
    return at.astimezone(zone).replace(minute=0, second=0, microsecond=0)


def _load(channel: Channel, sent: Iterable[Line], settings: Settings, zone: tzinfo) -> Load:
    moments = sorted(line.decided for line in sent if line.channel == channel.value)
    hours = Counter(_hour(at, zone) for at in moments)
    busiest, most = max(hours.items(), key=lambda one: one[1], default=(None, 0))
    limit: float | None = getattr(settings, f"{channel.value}_limit")
    provider: str = getattr(settings, f"{channel.value}_provider")
    waits = _longest_wait(moments, limit)
    return Load(channel, provider, len(moments), busiest, most, limit, waits)


def _longest_wait(moments: Iterable[datetime], limit: float | None) -> timedelta:
    """Return how long a message waits at most for its turn if they leave one after the other."""
    longest = timedelta(0)
    if not limit:
        return longest
    free: datetime | None = None
    for at in moments:
        leaves = at if free is None else max(at, free)
        longest = max(longest, leaves - at)
        free = leaves + timedelta(seconds=1 / limit)
    return longest


def _money(led: Led) -> Money:
    """Return the cost of texts; without a table of prices nobody has counted it."""
    texts = sum(line.left and line.channel == PRICED.value for line in led.lines)
    bill = led.bills.get(PRICED.value, Bill(messages=texts, unpriced=texts))
    return Money(bill.amounts, bill.unpriced, bill.messages - bill.unpriced)


def money_words(money: Money) -> str:
    """Say what texts cost."""
    if not money.priced and not money.unpriced:
        return "no texts, so nothing to pay for by prices.toml"
    if not money.priced:
        return f"money unknown: prices.toml names no price for {_texts(money.unpriced)}"
    told = " and ".join(f"{amount:,.2f} {name}" for name, amount in sorted(money.amounts.items()))
    besides = f"; {_texts(money.unpriced)} have no price in prices.toml" if money.unpriced else ""
    return f"{told} for {_texts(money.priced)}{besides}"


def share_words(load: Load) -> str:
    """Say how much of a provider's limit its busiest hour takes."""
    if load.share is None:
        return "no limit is set"
    waits = f", the last waits {span(load.waits)}" if load.waits >= MINUTE else ""
    return f"{100 * load.share:.0f} %{waits}"


def _texts(number: int) -> str:
    return "1 text" if number == 1 else f"{number:,} texts"


def as_json(found: Forecast) -> dict[str, Any]:
    """Return a forecast as JSON values."""
    return {
        "now": found.now,
        "until": found.until,
        "runs": found.runs,
        "messages": found.messages,
        "held": found.held,
        "skipped": found.skipped,
        "ends": found.ends,
        "broken": [{"run": run, "reason": why} for run, why in sorted(found.broken.items())],
        "left_out": list(found.left_out),
        "hours": [
            {"hour": hour, "channel": channel, "journey": journey, "messages": number}
            for (hour, channel, journey), number in sorted(found.hours.items())
        ],
        "providers": [
            {
                "channel": one.channel.value,
                "provider": one.provider,
                "messages": one.messages,
                "busiest_hour": one.busiest,
                "in_that_hour": one.most,
                "limit_a_second": one.limit,
                "share_of_limit": one.share,
                "longest_wait_seconds": one.waits.total_seconds(),
            }
            for one in found.loads
        ],
        "money": {
            "amounts": {currency: str(amount) for currency, amount in found.money.amounts.items()},
            "texts_without_a_price": found.money.unpriced,
            "texts_with_a_price": found.money.priced,
        },
        "unknown": UNKNOWN,
    }
