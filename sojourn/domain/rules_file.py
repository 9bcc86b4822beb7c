"""Read ``policy.toml``: every fault of it is one line that names the place and the way out."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any

from sojourn.domain.caps_file import read_caps, read_precedence
from sojourn.domain.contradictions import contradiction
from sojourn.domain.countries import countries
from sojourn.domain.errors import BadPolicy
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.public_holidays import read_place
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.rules import SPREAD, UNKNOWN, Closed, Rule, Rules, Window
from sojourn.domain.week import Week, read_days, read_week

LONGEST_SPREAD = timedelta(hours=6)
NEVER = Week.of("off", [])
"""Quiet hours that are switched off."""

_NAMES = ("quiet_hours", "spread", "rules", "caps", "precedence")
_OF_A_RULE = ("name", "class", "channels", "countries", "quiet_hours", "open", "closed")
_SPAN = re.compile(r"(\d{1,5})(s|m|h)", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours"}
_DAY_OF_YEAR = re.compile(r"(\d{2})-(\d{2})", re.ASCII)
_LEAP_YEAR = 2028


def read_rules(text: str, quiet_hours: QuietHours | None) -> Rules:
    """Read the text of a ``policy.toml``.

    Args:
        text: of the file; empty where there is none.
        quiet_hours: the setting's, which hold where the file names none.

    Returns:
        The rules.

    Raises:
        BadPolicy: a name is unknown, a value cannot be read, or the rules leave no hour open.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(str(error)[:1].lower() + str(error)[1:]) from None
    _check_names(told, _NAMES, "")
    rules = Rules(
        quiet=_general(told, quiet_hours),
        rules=tuple(_rules(told.get("rules", []))),
        spread=_spread(told.get("spread")),
        caps=read_caps(told.get("caps", {})),
        precedence=read_precedence(told.get("precedence", {})),
    )
    if fault := contradiction(rules):
        raise BadPolicy(fault)
    return rules


def _general(told: Mapping[str, Any], otherwise: QuietHours | None) -> Week | None:
    if "quiet_hours" not in told:
        return otherwise.week if otherwise else None
    quiet = _quiet(told["quiet_hours"], "quiet_hours")
    return None if quiet.is_empty else quiet


def _rules(told: object) -> Iterator[Rule]:
    if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
        raise BadPolicy("rules: write each as [[rules]]")
    seen: set[str] = set()
    for number, one in enumerate(told, 1):
        rule = _rule(one, number)
        if rule.name in seen:
            raise BadPolicy(f'rules: two are called "{rule.name}": rename one')
        seen.add(rule.name)
        yield rule


def _rule(told: Mapping[str, Any], number: int) -> Rule:
    name = told.get("name")
    if not isinstance(name, str) or not name.strip():
        raise BadPolicy(f'rule {number} has no name: add name = "..." for who reads why it held')
    name = name.strip()
    place = f'rule "{name}": '
    _check_names(told, _OF_A_RULE, place)
    _check_class(told.get("class", MessageClass.PROMOTIONAL.value), place)
    windows: list[Window | Closed] = []
    if "open" in told:
        windows.append(Window(_week(told["open"], f"{place}open"), name))
    if "closed" in told:
        windows.append(_closed(told["closed"], f"{place}closed", name))
    quiet = _quiet(told["quiet_hours"], f"{place}quiet_hours") if "quiet_hours" in told else None
    if not windows and quiet is None:
        raise BadPolicy(f"{place}says nothing: add quiet_hours, open or closed")
    return Rule(
        name=name,
        channels=frozenset(_channels(told.get("channels", []), f"{place}channels")),
        countries=frozenset(_countries(told.get("countries", []), f"{place}countries")),
        quiet=quiet,
        windows=tuple(windows),
    )


def _check_names(told: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for name in told:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"choose one of: {', '.join(known)}"
            raise BadPolicy(f'{place}no such name "{name}": {hint}')


def _check_class(told: object, place: str) -> None:
    if told == MessageClass.PROMOTIONAL:
        return
    if told in tuple(MessageClass):
        raise BadPolicy(f"{place}class: {told} messages are never held: leave the rule out")
    raise BadPolicy(f'{place}class: no such class "{told}": rules hold promotional messages alone')


def _quiet(told: object, place: str) -> Week:
    return NEVER if isinstance(told, str) and told.strip().lower() == "off" else _week(told, place)


def _week(told: object, place: str) -> Week:
    if not isinstance(told, str):
        raise BadPolicy(f'{place}: write it as text: "21:00-09:00" or "mon-fri 09:00-18:00"')
    try:
        return read_week(told)
    except ValueError as error:
        raise BadPolicy(f"{place} {error}") from None


def _texts(told: object, place: str) -> list[str]:
    texts = [told] if isinstance(told, str) else told
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise BadPolicy(f"{place}: write a text, or texts in brackets")
    return [one.strip() for one in texts]


def _channels(told: object, place: str) -> Iterator[Channel]:
    for one in _texts(told, place):
        if one not in tuple(Channel):
            ours = ", ".join(Channel)
            raise BadPolicy(f'{place}: no such channel "{one}": choose one of: {ours}')
        yield Channel(one)


def _countries(told: object, place: str) -> Iterator[str]:
    for one in _texts(told, place):
        if one.lower() == "unknown":
            yield UNKNOWN
        elif one in countries():
            yield one
        else:
            raise BadPolicy(
                f'{place}: no such country "{one}": write it by ISO 3166, as IT, or "unknown"'
            )


def _closed(told: object, place: str, name: str) -> Closed:
    parts = [part.strip() for text in _texts(told, place) for part in text.split(",")]
    weekdays: set[int] = set()
    days: set[tuple[int, int]] = set()
    dates: set[date] = set()
    places: list[tuple[str, str]] = []
    own = False
    try:
        for part in parts:
            word, _, of = part.partition(" ")
            if word.lower() == "holidays":
                own = own or not of
                places += [read_place(of)] if of else []
            elif found := _DAY_OF_YEAR.fullmatch(part):
                day = date(_LEAP_YEAR, int(found[1]), int(found[2]))
                days.add((day.month, day.day))
            elif part[:1].isdigit():
                dates.add(date.fromisoformat(part))
            else:
                weekdays.update(read_days(part))
    except ValueError as error:
        said = str(error)
        why = said if said.startswith(("has ", "knows ")) else f'has no such day: "{part}"'
        raise BadPolicy(
            f'{place} {why}; closed days are written as "sun, 12-24, 2026-08-14, holidays"'
        ) from None
    return Closed(frozenset(weekdays), frozenset(days), frozenset(dates), tuple(places), own, name)


def _spread(told: object) -> timedelta:
    if told is None:
        return SPREAD
    if told == "off":
        return timedelta(0)
    found = _SPAN.fullmatch(told.strip().lower()) if isinstance(told, str) else None
    if found is None:
        raise BadPolicy('spread: write it as "10m", "90s", "1h" or "off"')
    spread = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if spread > LONGEST_SPREAD:
        raise BadPolicy("spread: is more than 6 hours: messages would leave long after their hold")
    return spread
