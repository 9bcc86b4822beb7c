"""Read the tables ``[caps]`` and ``[precedence]`` of a ``policy.toml``."""

import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from sojourn.domain.caps import WEEK, Caps, Distance, Limit
from sojourn.domain.errors import BadPolicy
from sojourn.domain.limits import AtCap
from sojourn.domain.messages import Channel
from sojourn.domain.precedence import Precedence

LONGEST_DISTANCE = timedelta(days=7)

_PERIODS = {"per_day": 1, "per_week": WEEK}
_SPAN = re.compile(r"(\d{1,4})(m|h|d)", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_NAME = re.compile(r"[a-z\d]+(-[a-z\d]+)*(/[a-z\d]+(-[a-z\d]+)*)?", re.ASCII)


def read_caps(told: object) -> Caps:
    """Read the table ``[caps]``.

    Args:
        told: the table.

    Returns:
        The caps.

    Raises:
        BadPolicy: a name is unknown, a value cannot be read, or one cap leaves another no meaning.
    """
    table = _table(told, "caps")
    _check_names(table, (*_PERIODS, "distance", "at_cap", *Channel), "caps")
    limits, distances = _of(table, "caps", None)
    for channel in Channel:
        if channel in table:
            place = f"caps.{channel}"
            own = _table(table[channel], place)
            _check_names(own, (*_PERIODS, "distance"), place)
            narrower, wider = _of(own, place, channel)
            _check_narrower(narrower, limits, place)
            limits, distances = limits + narrower, distances + wider
    return Caps(limits, distances, _at_cap(table.get("at_cap", AtCap.WAIT)))


def read_precedence(told: object) -> Precedence:
    """Read the table ``[precedence]``.

    Args:
        told: the table.

    Returns:
        The precedence.

    Raises:
        BadPolicy: it is not a list of journeys and messages, or names one of them twice.
    """
    table = _table(told, "precedence")
    _check_names(table, ("order",), "precedence")
    order = table.get("order", [])
    if not isinstance(order, list):
        raise BadPolicy('precedence: order: write a list: ["renewal", "abandoned-cart/reminder"]')
    for name in order:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise BadPolicy(
                f'precedence: order: "{name}" is neither a journey nor a message: write '
                '"renewal", or "renewal/in-two-days"'
            )
        if order.count(name) > 1:
            raise BadPolicy(f'precedence: order: names "{name}" twice: take one back')
    return Precedence(tuple(order))


def _of(
    table: Mapping[str, Any], place: str, channel: Channel | None
) -> tuple[tuple[Limit, ...], tuple[Distance, ...]]:
    limits = tuple(
        Limit(_number(table[name], f"{place}: {name}"), days, channel)
        for name, days in _PERIODS.items()
        if name in table
    )
    _check_order(limits, place)
    distance = _distance(table["distance"], place, channel) if "distance" in table else None
    return limits, (distance,) if distance else ()


def _number(told: object, place: str) -> int:
    if not isinstance(told, int) or isinstance(told, bool) or told < 0:
        raise BadPolicy(f"{place} = {told}: write a number of messages, such as 2")
    if told == 0:
        raise BadPolicy(
            f"{place} = 0: no promotional message could ever leave; switch the journeys off, or "
            "pause the channel"
        )
    return told


def _check_order(limits: tuple[Limit, ...], place: str) -> None:
    """Refuse a day's cap that is greater than the week's: it would never count."""
    for day in limits:
        for week in limits:
            if day.days < week.days and day.number > week.number:
                raise BadPolicy(
                    f"{place}: per_day = {day.number} is more than per_week = {week.number}, and "
                    "would never count: lower it or leave it out"
                )


def _check_narrower(limits: tuple[Limit, ...], general: tuple[Limit, ...], place: str) -> None:
    """Refuse a channel's cap that the general one never lets count."""
    for limit in limits:
        for wider in general:
            if limit.days == wider.days and limit.number > wider.number:
                name = next(name for name, days in _PERIODS.items() if days == limit.days)
                raise BadPolicy(
                    f"{place}: {name} = {limit.number} is more than {name} = {wider.number} of "
                    "[caps], and would never count: lower it or leave it out"
                )


def _distance(told: object, place: str, channel: Channel | None) -> Distance:
    found = _SPAN.fullmatch(told.strip().lower()) if isinstance(told, str) else None
    least = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta(0)
    if found is None or not least:
        raise BadPolicy(f'{place}: distance: write it as "30m", "4h" or "2d"')
    if least > LONGEST_DISTANCE:
        raise BadPolicy(f"{place}: distance: is more than 7 days: say per_week = 1 instead")
    return Distance(least, found[0], channel)


def _at_cap(told: object) -> AtCap:
    if told not in tuple(AtCap):
        raise BadPolicy(f'caps: at_cap: write "wait" or "give_way", not {told!r}')
    return AtCap(str(told))


def _table(told: object, place: str) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise BadPolicy(f"{place}: write it as a table, [{place}]")
    return told


def _check_names(table: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for name in table:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"choose one of: {', '.join(known)}"
            raise BadPolicy(f'{place}: no such name "{name}": {hint}')
