"""Notes for the sender of an event that was taken: on its name, and on its key."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from sojourn.domain.events import Event, Events, UnknownEvent
from sojourn.domain.events.naming import plain
from sojourn.domain.messages import Reason
from sojourn.domain.notes import Note
from sojourn.domain.reasons import explain
from sojourn.domain.storable import storable_copy

UNKNOWN = "is not known here"
OTHER_CONTENT = Note("messageId", "was taken before, with other content: this changes nothing")
USED = Note(
    "messageId",
    "was used before, by another event: this one is taken, and kept under an id of its own",
)
ERASED = Note("userId", "was erased: nothing of the call is kept")
NOT_ASKED = Note(
    "event",
    "is kept, and nobody is asked: no journey starts on it; `sojourn add double-opt-in` adds one",
)
SAME_ID = Note(
    "previousId",
    "is the userId itself, so that nothing was joined: it must be the id that is given up, such as "
    "the anonymous one",
)


def not_started(journey: str, reason: Reason) -> Note:
    """Return the note on a run that an event would have started."""
    return Note("event", f"starts no run of {journey}: {explain(reason)}")


def notes_on(
    name: str, event: Event, properties: Mapping[str, Any], known: Events
) -> Iterator[Note]:
    """Yield what keeps an event from doing what its sender most likely wants.

    Args:
        name: the wire name, or the unknown name as it was sent.
        event: typed.
        properties: as they were sent.
        known: the project's events.

    Yields:
        A note on each.
    """
    if isinstance(event, UnknownEvent):
        near = known.nearest(name)
        yield Note("event", f'is not known here; the nearest is "{near}"' if near else UNKNOWN)
        return
    for key, journeys in missing_keys(name, event, known).items():
        near = nearest_field(key, set(properties) - set(type(event).model_fields))
        hint = f'; did you mean it by "{near}"?' if near else ""
        yield Note(
            f"properties.{key}",
            f"is missing: without it the event starts no run of {' and '.join(journeys)}{hint}",
        )


def as_sent(
    given: str, properties: Mapping[str, Any] | None, name: str, understood: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return an event's name and properties as they were sent, if what is kept differs from them.

    Args:
        given: the name as it was sent.
        properties: as they were sent.
        name: the wire name.
        understood: the properties that are kept.

    Returns:
        Both; None if nothing differs.
    """
    if (given, properties or {}) == (name, understood):
        return None
    told: dict[str, Any] = storable_copy({"event": given, "properties": properties})
    return told


def missing_keys(name: str, event: Event, known: Events) -> dict[str, list[str]]:
    """Return the keys that an event lacks to start runs, with the journeys that need them.

    Args:
        name: the wire name.
        event: typed.
        known: the project's events.

    Returns:
        The names of those journeys, by key.
    """
    found: dict[str, list[str]] = {}
    for journey, key in known.use.keyed.get(name, {}).items():
        if not getattr(event, key, None):
            found.setdefault(key, []).append(journey)
    return found


def nearest_field(key: str, names: Iterable[str]) -> str | None:
    """Return the property that a sender may have meant by a key; None if none looks like it."""
    spelt = {plain(name): name for name in names}
    near = get_close_matches(plain(key), list(spelt), n=1, cutoff=0.5)
    return spelt[near[0]] if near else None
