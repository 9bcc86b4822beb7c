"""One customer, what happens to them, and the messages to be sent to them.

`tests.support.tales` makes up examples. `Told` decides, as simply as possible, what applies at a
moment. It is the oracle of the property over all rules together, so it uses only names from the
engine, but not its calendar, caps or consents. It is slow, and looks at one moment at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays

from sojourn.domain.messages import Channel, MessageClass

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EMAIL, SMS, PUSH = Channel.EMAIL, Channel.SMS, Channel.PUSH
CHANNELS = (EMAIL, SMS, PUSH)
PROMOTIONAL = MessageClass.PROMOTIONAL
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
JOURNEYS = ("cart", "renewal", "news")
CARTS = ("cart-0", "cart-1")
TOPICS = ("offers", "own")
"""`own` needs its own yes."""

Span = tuple[int, int]
"""Minutes of the local day; one that passes midnight ends on the next day."""


# ---- the policy ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """One rule of the file.

    Args:
        channels: the channels; all if there are none.
        countries: the countries; all if there are none.
        quiet: the quiet hours; ``None`` if it has none, an empty span to switch them off.
        open: the open weekdays and their span.
        closed: the closed weekdays.
        holidays: the public holidays of the customer's country are closed.
    """

    channels: tuple[Channel, ...] = ()
    countries: tuple[str, ...] = ()
    quiet: Span | tuple[()] | None = None
    open: tuple[tuple[int, ...], Span] | None = None
    closed: tuple[int, ...] = ()
    holidays: bool = False

    def concerns(self, channel: Channel, country: str) -> bool:
        if self.channels and channel not in self.channels:
            return False
        return not self.countries or country in self.countries

    def lines(self) -> Iterator[str]:
        """Write its table."""
        if self.channels:
            yield f"channels = {[str(one) for one in self.channels]}"
        if self.countries:
            yield f"countries = {list(self.countries)}"
        if self.quiet is not None:
            yield f'quiet_hours = "{_clock(self.quiet) if self.quiet else "off"}"'
        if self.open is not None:
            yield f'open = "{opened(self.open)}"'
        closed = [WEEKDAYS[day] for day in self.closed] + ["holidays"] * self.holidays
        if closed:
            yield f"closed = {closed}"


@dataclass(frozen=True)
class Rulebook:
    """The content of a ``policy.toml``."""

    quiet: Span | None = None
    spread: bool = False
    rules: tuple[Rule, ...] = ()
    per_day: int | None = None
    per_week: int | None = None
    sms_per_week: int | None = None
    distance: timedelta | None = None
    email_distance: timedelta | None = None
    gives_way: bool = False
    order: tuple[str, ...] = ()

    def text(self) -> str:
        """Write the file."""
        lines = [f'spread = "{"10m" if self.spread else "off"}"']
        if self.quiet:
            lines.append(f'quiet_hours = "{_clock(self.quiet)}"')
        for number, rule in enumerate(self.rules):
            lines += ["[[rules]]", f'name = "rule {number}"', *rule.lines()]
        lines += ["[caps]", f'at_cap = "{"give_way" if self.gives_way else "wait"}"']
        numbers = {"per_day": self.per_day, "per_week": self.per_week}
        lines += [f"{name} = {number}" for name, number in numbers.items() if number]
        if self.distance:
            lines.append(f'distance = "{self.distance // MINUTE}m"')
        if self.sms_per_week:
            lines += ["[caps.sms]", f"per_week = {self.sms_per_week}"]
        if self.email_distance:
            lines += ["[caps.email]", f'distance = "{self.email_distance // MINUTE}m"']
        return "\n".join([*lines, "[precedence]", f"order = {list(self.order)}"])


def opened(span: tuple[tuple[int, ...], Span]) -> str:
    """Write the hours of some weekdays: ``mon 09:00-18:00, tue 09:00-18:00``."""
    weekdays, hours = span
    return ", ".join(f"{WEEKDAYS[day]} {_clock(hours)}" for day in weekdays)


def _clock(span: Span) -> str:
    (first, last) = span
    return f"{first // 60:02}:{first % 60:02}-{last // 60:02}:{last % 60:02}"


def _in_span(span: Span, shown: datetime, weekdays: tuple[int, ...] = tuple(range(7))) -> bool:
    """Return whether a local time is in a span that begins on one of these weekdays."""
    first, last = span
    at = shown.hour * 60 + shown.minute
    today, yesterday = shown.weekday() in weekdays, (shown.weekday() - 1) % 7 in weekdays
    if first < last:
        return today and first <= at < last
    return (today and at >= first) or (yesterday and at < last)


# ---- what is asked for ---------------------------------------------------------------------


@dataclass(frozen=True)
class Wish:
    """A message to be sent.

    Args:
        number: its number.
        journey: a journey of `JOURNEYS`.
        kind: its class.
        channels: its channels, in order.
        topic: a topic of `TOPICS`.
        cart: the cart that it is about.
        due: the time from the beginning until it is due.
        useful_for: the time for which it is useful after that.
        hours: its own window.
        at_most: the most messages of its step, and in how many days.
        gives_way: whether it gives way at a cap; None for the policy's default.
        fates: the outcomes of its claims, and how long after: ``sent``, ``skipped``, ``rejected``,
            ``unknown``.
        late: the delay of each question.
    """

    number: int
    journey: str
    kind: MessageClass
    channels: tuple[Channel, ...]
    topic: str
    cart: str
    due: timedelta
    useful_for: timedelta
    hours: tuple[tuple[int, ...], Span] | None
    at_most: tuple[int, int] | None
    gives_way: bool | None
    fates: tuple[tuple[str, timedelta], ...]
    late: timedelta

    @property
    def step(self) -> str:
        return f"step{self.number % 2}"


@dataclass(frozen=True)
class Deed:
    """Something that happens.

    Args:
        at: the time from the beginning.
        what: the kind.
        of: its subject.
    """

    at: timedelta
    what: str
    of: tuple[object, ...] = ()


@dataclass(frozen=True)
class Tale:
    """An example: everything that happens to one customer."""

    begins: datetime
    zone: str
    country: str
    agrees: tuple[Channel, ...]
    books: tuple[Rulebook, ...]
    wishes: tuple[Wish, ...]
    deeds: tuple[Deed, ...]


# ---- what holds ----------------------------------------------------------------------------


@dataclass
class Left:
    """A promotional message that left, or may have left."""

    at: datetime
    wish: Wish
    channel: Channel
    again: bool = False


@dataclass
class Told:
    """Everything that is true at a moment, recorded by the test itself."""

    zone: str
    country: str
    book: Rulebook
    addresses: set[Channel] = field(default_factory=lambda: set(CHANNELS))
    dead: set[Channel] = field(default_factory=set)
    said: list[tuple[Channel | None, str, bool, datetime | None]] = field(default_factory=list)
    bought: set[str] = field(default_factory=set)
    plan: str | None = "pro"
    restricted: bool = False
    paused: set[str] = field(default_factory=set)
    left: dict[int, Left] = field(default_factory=dict)
    refused: dict[int, set[Channel]] = field(default_factory=dict)

    def way(self, wish: Wish, now: datetime, due: datetime) -> Channel | None:
        """Return the channel by which a message may leave now; None if it may not."""
        channel = self.channel(wish, now)
        if channel is None or self.forbidden(wish) or now >= due + wish.useful_for:
            return None
        if wish.kind is PROMOTIONAL and self.closed(wish, channel, now):
            return None
        return channel

    def forbidden(self, wish: Wish) -> bool:
        """Return whether no message about this may be sent now, at any hour."""
        return (
            wish.cart in self.bought
            or (wish.journey == "renewal" and self.plan != "pro")
            or self.restricted
            or wish.topic in self.paused
        )

    def channel(self, wish: Wish, now: datetime) -> Channel | None:
        """Return the first channel on which the customer can and wants to be reached."""
        for channel in wish.channels:
            if channel in self.refused.get(wish.number, ()):
                continue
            if channel not in self.addresses or channel in self.dead:
                continue
            if wish.kind is not PROMOTIONAL or self.agrees(channel, wish.topic, now):
                return channel
        return None

    def agrees(self, channel: Channel, topic: str, now: datetime) -> bool:
        """Return the effect of the customer's statements: for each subject, the last one counts."""

        def last(of: Channel | None, about: str) -> tuple[int, str]:
            """Return the place of the last statement, and whether it is yes, no, over or none."""
            for place in range(len(self.said) - 1, -1, -1):
                by, on, granted, end = self.said[place]
                if (by, on) == (of, about):
                    over = granted and end is not None and end <= now
                    return place, "over" if over else "yes" if granted else "no"
            return -1, "none"

        whole, own, every = last(channel, ""), last(channel, topic), last(None, topic)
        own_yes = own[1] == "yes" and not (whole[1] == "no" and whole[0] > own[0])
        if {own[1], every[1]} & {"no", "over"}:
            return False
        if not (whole[1] == "yes" or own_yes):
            return False
        return topic != "own" or own_yes or every[1] == "yes"

    def closed(self, wish: Wish, channel: Channel, now: datetime) -> bool:
        """Return whether the policy keeps a promotional message from leaving now."""
        return self._outside(wish, channel, now) or self._over_a_cap(wish, channel, now)

    def _outside(self, wish: Wish, channel: Channel, now: datetime) -> bool:
        shown = now.astimezone(ZoneInfo(self.zone))
        concerned = [rule for rule in self.book.rules if rule.concerns(channel, self.country)]
        quiet = [rule.quiet for rule in concerned if rule.quiet is not None]
        if not quiet and self.book.quiet:
            quiet = [self.book.quiet]
        return (
            any(_in_span(span, shown) for span in quiet if span)
            or any(not _in_span(r.open[1], shown, r.open[0]) for r in concerned if r.open)
            or any(shown.weekday() in rule.closed for rule in concerned)
            or any(rule.holidays and _is_holiday(self.country, shown.date()) for rule in concerned)
            or (wish.hours is not None and not _in_span(wish.hours[1], shown, wish.hours[0]))
        )

    def _over_a_cap(self, wish: Wish, channel: Channel, now: datetime) -> bool:
        others = [one for number, one in self.left.items() if number != wish.number]
        texts = [one for one in others if one.channel is SMS]
        mails = [one for one in others if one.channel is EMAIL]
        same = [
            one for one in others if (one.wish.journey, one.wish.step) == (wish.journey, wish.step)
        ]
        book = self.book
        return (
            (book.per_day is not None and self._full(others, book.per_day, 1, now))
            or (book.per_week is not None and self._full(others, book.per_week, 7, now))
            or (
                book.sms_per_week is not None
                and channel is SMS
                and self._full(texts, book.sms_per_week, 7, now)
            )
            or (wish.at_most is not None and self._full(same, *wish.at_most, now))
            or (book.distance is not None and _near(others, book.distance, now))
            or (
                book.email_distance is not None
                and channel is EMAIL
                and _near(mails, book.email_distance, now)
            )
        )

    def _full(self, left: list[Left], number: int, days: int, now: datetime) -> bool:
        """Return whether one more now would exceed a number of messages in consecutive days."""
        tz = ZoneInfo(self.zone)
        today = now.astimezone(tz).date()
        dates = [one.at.astimezone(tz).date() for one in left]
        for back in range(days):
            first = today - back * DAY
            if sum(first <= day < first + days * DAY for day in dates) >= number:
                return True
        return False


def _near(left: list[Left], least: timedelta, now: datetime) -> bool:
    return any(abs(one.at - now) < least for one in left)


_KNOWN: dict[tuple[str, int], "holidays.HolidayBase"] = {}


def _is_holiday(country: str, day: date) -> bool:
    year = _KNOWN.setdefault(
        (country, day.year), holidays.country_holidays(country, years=day.year)
    )
    return day in year
