"""Rules that leave no hour open: found when they are read, not when a message waits for ever."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

from sojourn.domain.messages import Channel
from sojourn.domain.opening import Holder, Never, held
from sojourn.domain.rules import UNKNOWN, Closed, Quiet, Rules, Window

_ELSEWHERE = "?"
"""A country that no rule names."""
_BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
"""Any year does: only public holidays differ from year to year, and they close no weekday."""
_UTC = ZoneInfo("UTC")


def contradiction(
    rules: Rules, channels: Iterable[Channel] = tuple(Channel), within: str = ""
) -> str:
    """Find rules that together never let a message leave.

    Every channel is tried with every country that a rule names, and with one that none names.

    Args:
        rules: of a policy.
        channels: of the message.
        within: the message's own hours.

    Returns:
        The fault in one line; empty if there is none.
    """
    countries = {country for rule in rules.rules for country in rule.countries}
    for channel, country in product(channels, sorted({*countries, UNKNOWN, _ELSEWHERE})):
        holders = rules.holders(channel, country, within=within)
        if never_opens(holders):
            where = f" in {country}" if country not in (UNKNOWN, _ELSEWHERE) else ""
            return f"nothing could ever leave by {channel}{where}: {_words(holders)}"
    return ""


def never_opens(holders: Sequence[Holder]) -> bool:
    """Tell whether nothing is open for a year and a few days."""
    asked = [one.of(UNKNOWN, "") if isinstance(one, Closed) else one for one in holders]
    return isinstance(held(asked, _BEGIN, _UTC), Never)


def _words(holders: Iterable[Holder]) -> str:
    said = []
    for one in holders:
        if isinstance(one, Quiet):
            words = f"quiet hours {one.week}"
        elif isinstance(one, Window):
            words = f"open {one.week} only"
        else:
            words = "closed days"
        name = one.name if isinstance(one, Quiet | Window | Closed) else ""
        said.append(f'{words} of "{name}"' if name else words)
    return ", ".join(said) + ": take one back"
