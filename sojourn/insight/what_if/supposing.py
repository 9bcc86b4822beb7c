"""Changing a history: suppositions are put into the calls of a customer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sojourn.dispatch.calls import Track
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent, BadInput, UnknownName
from sojourn.domain.events import ENVELOPE, Events
from sojourn.insight.backtesting.playing import Arrival, Change, Told
from sojourn.insight.what_if.reading import Always, Happens, Not, Supposition, When

Calls = Sequence[Told]
MOST_NAMED = 3


def suppose(
    calls: Calls, suppositions: Iterable[Supposition], *, known: Events, tz: ZoneInfo, now: datetime
) -> list[Told]:
    """Return a history with suppositions in it.

    Args:
        calls: the history, in the order of its moments.
        suppositions: what is supposed, in the order in which it was said.
        known: the project's events, by wire name.
        tz: the customer's time zone.
        now: the present.

    Returns:
        The changed history.

    Raises:
        BadInput: something that is supposed not to have happened has not; a moment is ambiguous or
            lies ahead; the fields of an event are not those of its class.
    """
    found = list(calls)
    for number, one in enumerate(suppositions, start=1):
        match one:
            case Always():
                found = _always(found, one.call)
            case Not():
                gone = {id(arrival) for arrival in _those(found, one, tz)}
                found = [call for call in found if id(call) not in gone]
            case Happens():
                who = _customer_of(found)
                happened = _happened(found, one, who, f"if/{number}", known=known, tz=tz, now=now)
                found.append(happened)
    return sorted(found, key=lambda call: call.at)


def _always(calls: Calls, said: Identity) -> list[Told]:
    fields = {*said.card, *said.attributes}
    fields |= {name for name in ("phone", "phone2") if getattr(said, name)}
    pairs = {(word.channel, word.topic, word.purpose) for word in said.words}
    found: list[Told] = []
    for call in calls:
        if isinstance(call, Arrival) and isinstance(call.call, Identity):
            found.append(Arrival(call.at, _silent(call.call, fields, pairs)))
        elif "push_token" not in fields or not _is_of_devices(call):  # else this token is the only
            found.append(call)
    first = min(call.at for call in calls)
    told = replace(said, at=first, received_at=first, introduces=not said.words)
    return [Arrival(first, told), *found]


def _is_of_devices(call: Told) -> bool:
    return isinstance(call, Change) and "devices" in call.besides


def _silent(call: Identity, fields: set[str], pairs: set[Any]) -> Identity:
    """Return a call without its words on these fields and consents."""

    def kept(of: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in of.items() if name not in fields}

    return replace(
        call,
        card=kept(call.card),
        attributes=kept(call.attributes),
        context=kept(call.context),
        statements=tuple(
            one for one in call.statements if (one.channel, one.topic, one.purpose) not in pairs
        ),
    )


def _those(calls: Calls, one: Not, tz: ZoneInfo) -> list[Arrival]:
    """Return the events that are supposed not to have happened."""
    named = [arrival for arrival, track in _tracks(calls) if track.name == one.name]
    found = named
    if one.when is not None:
        found = [arrival for arrival in named if _is_at(arrival.call.at, one.when, tz)]
    if not found:
        at = f" at {one.when.text}" if one.when else ""
        raise BadInput(f'--if: the customer has no "{one.name}"{at}{_moments(named, tz)}')
    days = {arrival.call.at.astimezone(tz).date() for arrival in found}
    if one.when is not None and one.when.clock is not None and len(days) > 1:
        raise BadInput(
            f'--if: "{one.name}" happened at {one.when.text} on {len(days)} days: say the date too'
            f"{_moments(found, tz)}"
        )
    return found


def _moments(of: Sequence[Arrival], tz: ZoneInfo) -> str:
    told = [f"{arrival.call.at.astimezone(tz):%Y-%m-%dT%H:%M}" for arrival in of[:MOST_NAMED]]
    if not told:
        return ""
    more = f" and {len(of) - MOST_NAMED} more" if len(of) > MOST_NAMED else ""
    return f": it has {', '.join(told)}{more}"


def _is_at(at: datetime, when: When, tz: ZoneInfo) -> bool:
    """Tell whether something happened then; a moment without seconds is a minute."""
    if when.at is not None:
        local = at.astimezone(when.at.tzinfo or tz)
        meant = when.at if when.at.tzinfo else when.at.replace(tzinfo=tz)
        exact = bool(meant.second or meant.microsecond)
        local = local.replace(microsecond=0) if exact else local.replace(second=0, microsecond=0)
        return local == meant.replace(microsecond=0)
    assert when.clock is not None, "it has one of the two"
    local = at.astimezone(tz)
    hour, minute, second = when.clock
    return (local.hour, local.minute) == (hour, minute) and second in (0, local.second)


def _happened(
    calls: Calls,
    one: Happens,
    who: str,
    message_id: str,
    *,
    known: Events,
    tz: ZoneInfo,
    now: datetime,
) -> Arrival:
    at = _moment(calls, one, tz)
    if at > now:
        raise BadInput(f'--if: "{one.name}" at {one.when.text}: lies ahead')
    envelope = {"message_id": message_id, "customer_id": who, "occurred_at": at}
    try:
        understood = known.understand(one.name, one.fields, envelope)
    except BadEvent as error:
        field = error.path.rpartition(".")[2]
        raise BadInput(
            f'--if: "{one.name}": {field} {error.reason}: give it after the moment, as in '
            f'"{one.name}" at {one.when.text} {{"{field}": ...}}'
        ) from None
    given = {f"properties.{name}" for name in one.fields}
    for note in understood.notes:  # a field that was not given may well be missing
        if note.path in given:
            raise BadInput(f'--if: "{one.name}": {note}')
    fields = known.named(one.name).model_fields.keys() - ENVELOPE
    for name in understood.properties.keys() - fields:
        unknown = UnknownName("field", name, fields)
        raise BadInput(f'--if: "{one.name}": {unknown}')
    return Arrival(at, Track(one.name, understood.properties, understood.event))


def _moment(calls: Calls, one: Happens, tz: ZoneInfo) -> datetime:
    """Return the moment of a supposed event; of a clock time, on the only day of the history."""
    if one.when.at is not None:
        return one.when.at if one.when.at.tzinfo else one.when.at.replace(tzinfo=tz)
    assert one.when.clock is not None, "it has one of the two"
    days = sorted({track.at.astimezone(tz).date() for _, track in _tracks(calls)})
    if len(days) != 1:
        span = f"events on {len(days)} days" if days else "no event"
        example = f"{days[-1]}T{time(*one.when.clock):%H:%M}" if days else "2026-11-03T09:55"
        raise BadInput(
            f'--if: "{one.name}" at {one.when.text}: say the date too, for the history has {span}: '
            f"at {example}"
        )
    return datetime.combine(days[0], time(*one.when.clock), tz)


def _tracks(calls: Calls) -> list[tuple[Arrival, Track]]:
    return [
        (call, call.call)
        for call in calls
        if isinstance(call, Arrival) and isinstance(call.call, Track)
    ]


def _customer_of(calls: Calls) -> str:
    return next(
        call.call.customer_id
        for call in calls
        if isinstance(call, Arrival) and isinstance(call.call, Track | Identity)
    )
