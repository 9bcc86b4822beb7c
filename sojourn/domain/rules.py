"""`Rules`: when promotional messages may leave, as ``policy.toml`` of a project says.

Every rule that concerns a message holds it; a message leaves when all of them let it go. Rules know
the clock on the customer's wall, and nothing of a database. `sojourn.domain.rules_file` reads them.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sojourn.domain.caps import NO_CAPS, Caps
from sojourn.domain.in_care import InCare
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.opening import Holder, Never, Opening, held
from sojourn.domain.precedence import NO_PRECEDENCE, Precedence
from sojourn.domain.public_holidays import holiday
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.snooze import Snooze
from sojourn.domain.value_class import value_class
from sojourn.domain.week import DAYS, MIDNIGHT, Week, read_week

SPREAD = timedelta(minutes=10)
"""The time over which messages leave after a hold, unless the file says otherwise."""
UNKNOWN = ""
"""The country of a customer if nothing tells one."""

AFTER_A_HOLD = timedelta(seconds=5)
"""The least use that a hold leaves: timers fire a little late, and a queue takes a moment."""

_WORDS = 6
"""Rules that a hold names at most: a long one goes over many closed days."""
_KNOWN = 1024
"""Places for which the holders are remembered: the regions on cards are anything."""
_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Quiet:
    """Hours in which nothing leaves.

    Args:
        week: the hours.
        name: of the rule; empty for the general ones.
    """

    week: Week
    name: str = ""

    def __str__(self) -> str:
        return _named(self.name, f"quiet hours {self.week}")

    def holds(self, shown: datetime) -> str:
        """Return why a message is held at a local moment; empty if it is not."""
        return str(self) if self.week.has(shown) else ""

    def closes(self, day: date) -> bool:
        """Tell whether a local day is quiet from its beginning to its end."""
        return self.week.spans[day.weekday()] == ((0, MIDNIGHT),)

    def edges(self, day: date) -> Iterable[int]:
        """Yield the seconds of a local day at which quiet hours begin or end."""
        return self.week.edges(day.weekday())


@dataclass(frozen=True)
class Window:
    """Hours outside of which nothing leaves.

    Args:
        week: the hours.
        name: of the rule, or of the message.
    """

    week: Week
    name: str = ""

    def __str__(self) -> str:
        return _named(self.name, f"only {self.week}")

    def holds(self, shown: datetime) -> str:
        """Return why a message is held at a local moment; empty if it is not."""
        return "" if self.week.has(shown) else str(self)

    def closes(self, day: date) -> bool:
        """Tell whether a local day has no open hour."""
        return not self.week.spans[day.weekday()]

    def edges(self, day: date) -> Iterable[int]:
        """Yield the seconds of a local day at which it opens or closes."""
        return self.week.edges(day.weekday())


@dataclass(frozen=True)
class Closed:
    """Local days on which nothing leaves.

    Args:
        weekdays: 0 is Monday.
        days: of every year: month and day.
        dates: of one year.
        places: countries and regions whose public holidays are closed days.
        own: so are those of the customer's country; `of` names it.
        name: of the rule.
    """

    weekdays: frozenset[int] = frozenset()
    days: frozenset[tuple[int, int]] = frozenset()
    dates: frozenset[date] = frozenset()
    places: tuple[tuple[str, str], ...] = ()
    own: bool = False
    name: str = ""

    def __str__(self) -> str:
        days = [
            *(DAYS[one] for one in sorted(self.weekdays)),
            *(f"{month:02}-{day:02}" for month, day in sorted(self.days)),
            *(str(one) for one in sorted(self.dates)),
            *(f"holidays {'-'.join(filter(None, place))}" for place in self.places if place[0]),
        ]
        return _named(self.name, f"not on {', '.join(days) or 'holidays of an unknown country'}")

    def of(self, country: str, region: str) -> "Closed":
        """Return the days that are closed for a customer of this country and region."""
        if not self.own:
            return self
        return replace(self, own=False, places=(*self.places, (country, region)))

    def holds(self, shown: datetime) -> str:
        """Return why a message is held at a local moment; empty if it is not."""
        return self._why(shown.date())

    def closes(self, day: date) -> bool:
        """Tell whether nothing leaves on a local day."""
        return bool(self._why(day))

    def edges(self, day: date) -> Iterable[int]:
        """Yield nothing: a day begins and ends at midnight."""
        return ()

    def _why(self, day: date) -> str:
        if day.weekday() in self.weekdays:
            return _named(self.name, f"not on {DAYS[day.weekday()]}")
        if (day.month, day.day) in self.days or day in self.dates:
            return _named(self.name, f"not on {day:%d %b}")
        for country, region in self.places:
            if called := holiday(day, country, region):
                return _named(self.name, f"not on {called} ({country})")
        return ""


@dataclass(frozen=True)
class Rule:
    """One rule of ``policy.toml``.

    Args:
        name: for people who read why a message was held.
        channels: that it concerns; none: all.
        countries: of the customers that it concerns (ISO 3166, or `UNKNOWN`); none: all.
        quiet: its quiet hours, in the place of the general ones.
        windows: its open hours and closed days.
    """

    name: str
    channels: frozenset[Channel] = frozenset()
    countries: frozenset[str] = frozenset()
    quiet: Week | None = None
    windows: tuple[Window | Closed, ...] = ()

    def concerns(self, channel: Channel, country: str) -> bool:
        """Tell whether a message by this channel to a customer of this country is concerned."""
        by_channel = not self.channels or channel in self.channels
        return by_channel and (not self.countries or country in self.countries)


@value_class
class Hold:
    """A message may not leave now.

    Args:
        until: the moment at which it may; None: none within a year.
        reason: `Reason.QUIET_HOURS` if nothing but quiet hours holds it, else `Reason.WINDOW`.
        detail: the rules that hold it, in words.
    """

    until: datetime | None
    reason: Reason
    detail: str


@dataclass(frozen=True)
class Rules:
    """Everything that a project's ``policy.toml`` says, and what holds where it says nothing.

    Args:
        quiet: the general quiet hours, for messages that no rule with hours of its own concerns.
        rules: in the order of the file.
        spread: the time over which messages leave after a hold.
        caps: how many messages a customer gets, and how far apart.
        precedence: which message goes first where a cap has room for one.
    """

    quiet: Week | None = None
    rules: tuple[Rule, ...] = ()
    spread: timedelta = SPREAD
    caps: Caps = NO_CAPS
    precedence: Precedence = NO_PRECEDENCE
    _known: dict[tuple[Channel, str, str, str], tuple[Holder, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, quiet_hours: QuietHours | None, *, spread: timedelta = SPREAD) -> "Rules":
        """Return the rules of an installation without a file."""
        return cls(quiet=quiet_hours.week if quiet_hours else None, spread=spread)

    def holders(
        self, channel: Channel, country: str = UNKNOWN, region: str = "", within: str = ""
    ) -> tuple[Holder, ...]:
        """Find the holders that may hold a promotional message.

        Args:
            channel: by which it is about to leave.
            country: the customer's (ISO 3166).
            region: the customer's (ISO 3166-2 without the country).
            within: the message's own window, as its journey writes it.

        Returns:
            The holders, in the order of the file.
        """
        asked = (channel, country, region, within)
        known = self._known.get(asked)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            known = self._known[asked] = self._holders(*asked)
        return known

    def _holders(
        self, channel: Channel, country: str, region: str, within: str
    ) -> tuple[Holder, ...]:
        found: list[Holder] = []
        concerned = [rule for rule in self.rules if rule.concerns(channel, country)]
        quiet = [Quiet(rule.quiet, rule.name) for rule in concerned if rule.quiet is not None]
        if not quiet and self.quiet is not None:
            quiet = [Quiet(self.quiet)]
        found += [one for one in quiet if not one.week.is_empty]
        for rule in concerned:
            for window in rule.windows:
                found.append(window.of(country, region) if isinstance(window, Closed) else window)
        if within:
            found.append(Window(read_week(within), "the message"))
        return tuple(found)

    def hold(
        self,
        holders: tuple[Holder, ...],
        now: datetime,
        tz: ZoneInfo,
        *,
        message_id: str,
        useful_until: datetime,
    ) -> Hold | None:
        """Tell until when a promotional message is held.

        Held messages do not all leave at the first moment. Each has an offset of its own within
        `spread`, the same whenever it is asked for, that keeps it inside of the window and within
        its use.

        Args:
            holders: as `holders` finds them.
            now: by the journey's clock.
            tz: the customer's zone.
            message_id: names the message.
            useful_until: from this moment on, the message is of no use.

        Returns:
            The hold; None if the message may leave now.
        """
        if not holders:
            return None
        opening = held(holders, now, tz, look_on=self.spread)
        if opening is None:
            return None
        if isinstance(opening, Never):
            words = "; ".join(opening.because[:_WORDS])
            return Hold(None, Reason.WINDOW, f"not within a year: {words}")
        return Hold(
            until=_spread(opening, message_id, useful_until),
            reason=_reason(opening.holders),
            detail="; ".join(opening.because[:_WORDS]),
        )


NO_RULES = Rules()
"""Nothing holds."""


def _reason(holders: Iterable[Holder]) -> Reason:
    """Return the reason of a hold: the customer's own break says most, then being in care."""
    kinds = {type(holder) for holder in holders}
    if Snooze in kinds:
        return Reason.SNOOZED
    if InCare in kinds:
        return Reason.IN_CARE
    return Reason.QUIET_HOURS if kinds == {Quiet} else Reason.WINDOW


def _spread(opening: Opening, message_id: str, useful_until: datetime) -> datetime:
    """Return the message's own moment after an opening, on a whole second of the distance."""
    room = min(opening.until, useful_until) - AFTER_A_HOLD - opening.at
    if room <= _ONE_SECOND:
        return opening.at
    # by its name alone: an opening that comes a moment later must not move it by minutes
    share = random.Random(message_id).random()  # noqa: S311
    return opening.at + (room * share) // _ONE_SECOND * _ONE_SECOND


def _named(name: str, words: str) -> str:
    return f"{name}: {words}" if name else words
