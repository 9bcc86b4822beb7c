"""Lenience: an event is taken field by field where nothing but decoration is at stake.

Senders write ``quantity: ""``, lines without a product's id, totals with a comma. The event's role
decides which of that matters. An event that ends runs is never refused for a field: the
message that it stops must not leave. Any other event is refused for its ids, its amounts and its
moments, for these make up the messages. Everything else that cannot be read is left out, and the
answer says so.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from sojourn.domain.errors import BadEvent
from sojourn.domain.events.base import ENVELOPE, Event, required_fields
from sojourn.domain.events.reading import bad_event, reason
from sojourn.domain.events.shapes import Shape, inner_models, naming, shapes
from sojourn.domain.notes import Note, few, left_out

Path = tuple[str | int, ...]
ROUNDS = 4
"""The most times that an event is read: once a part is left out, a validator of its class may
object."""
MOST_FAULTS = 500
"""Faults that are looked at one by one; a list with more of them is left out as a whole."""
_NO_BOOL = frozenset((str, int, float, Decimal, datetime, type(None)))
"""Types whose values are no yes or no, and have none in them: nearly all that events have."""


@dataclass(frozen=True)
class Role:
    """The part that an event plays in a project.

    Args:
        starts: it starts runs, or begins their steps again.
        ends: it ends runs.
        keys: its fields that tell runs apart.
    """

    starts: bool = False
    ends: bool = False
    keys: frozenset[str] = frozenset()

    def is_strict(self, shape: Shape) -> bool:
        """Tell whether the event is refused if this field of it cannot be read."""
        if self.ends:
            return False
        is_id = shape.required or shape.name in self.keys
        return is_id or shape.is_money or shape.is_moment


@dataclass(frozen=True)
class Understood:
    """An event, as far as it could be read.

    Args:
        event: typed. One that lacks a field which its class needs is not `Event.is_whole`.
        properties: those that it was read from, under the names of its fields.
        notes: what was left out.
    """

    event: Event
    properties: dict[str, Any]
    notes: tuple[Note, ...] = ()


def understand(
    event: type[Event],
    properties: Mapping[str, Any],
    envelope: Mapping[str, Any],
    role: Role,
    synonyms: tuple[tuple[str, str], ...] = (),
) -> Understood:
    """Read an event leniently.

    Args:
        event: its class.
        properties: as they were sent.
        envelope: the fields of `ENVELOPE`.
        role: what the event does here.
        synonyms: further names of fields, and the fields that they mean.

    Returns:
        The event, and what was left out of it.

    Raises:
        BadEvent: a field that the event cannot be without does not validate.
    """
    named = renamed(event, properties, synonyms)
    try:
        read = event.model_validate({**named, **envelope})
    except ValidationError:
        read = None
    if read is not None and not _doubtful_bools(event, named):
        return Understood(read, named)
    return _Reader(event, deepcopy(named), envelope, role).read()


def renamed(
    model: type[BaseModel], values: Mapping[str, Any], synonyms: tuple[tuple[str, str], ...] = ()
) -> dict[str, Any]:
    """Return values under the names of a model's fields; a field's own name outweighs others.

    Args:
        model: an event, or the model of one of its fields.
        values: as they were sent.
        synonyms: further names of fields, and the fields that they mean.

    Returns:
        A copy, as deep as it has models.
    """
    known = shapes(model)
    found = dict(values)
    for name in [name for name in values if name not in known and isinstance(name, str)]:
        field = naming(model, synonyms).known(name)
        if field is not None and _is_blank(found.get(field)):
            found[field] = found.pop(name)
    for name, inner in inner_models(model):
        if value := found.get(name):
            found[name] = _renamed_inside(inner, value, synonyms)
    return found


def _renamed_inside(
    model: type[BaseModel], value: Any, synonyms: tuple[tuple[str, str], ...]
) -> Any:
    match value:
        case Mapping():
            return renamed(model, value, synonyms)
        case list() | tuple():
            return [renamed(model, v, synonyms) if isinstance(v, Mapping) else v for v in value]
    return value


class _Reader:
    """One event whose first reading has failed."""

    def __init__(
        self,
        event: type[Event],
        properties: dict[str, Any],
        envelope: Mapping[str, Any],
        role: Role,
    ) -> None:
        self._event = event
        self._left = properties
        self._envelope = envelope
        self._role = role
        self._notes: dict[Path, Note] = {}

    def read(self) -> Understood:
        """Leave out what cannot be read, until the rest can be."""
        error: ValidationError | None = None
        for _ in range(ROUNDS):
            faults = _doubtful_bools(self._event, self._left)
            try:
                event = self._event.model_validate({**self._left, **self._envelope})
            except ValidationError as found:
                error = found
                faults += self._crowded(error) or _faults(error)
            else:
                if not faults:
                    return Understood(event, self._left, few(self._notes.values()))
            if not self._drop(faults):
                break
        assert error is not None, "a yes or no is left out in the first round"
        return self._incomplete(error)

    def _crowded(self, error: ValidationError) -> list[tuple[Path, str]]:
        """Return the long lists of an event that has more faults than anybody would mend."""
        if error.error_count() <= MOST_FAULTS:
            return []
        return [
            ((name,), f"more than {MOST_FAULTS} faults")
            for name, shape in shapes(self._event).items()
            if shape.is_list and len(self._left.get(name) or ()) > MOST_FAULTS // 10
        ]

    def _drop(self, faults: Sequence[tuple[Path, str]]) -> bool:
        """Leave out what is at fault; return whether there was anything to leave out.

        Raises:
            BadEvent: something is at fault that the event cannot be without.
        """
        places: dict[Path, None] = {}
        for path, why in faults:
            place = _place(self._event, self._left, path)
            if place is None or place in places:
                continue
            places[place] = None
            if _is_blank(_at(self._left, place)):
                continue
            top = shapes(self._event).get(str(place[0]))
            if len(place) == 1 and top is not None and self._role.is_strict(top):
                raise BadEvent(_written(path), why)
            inner = _written(path[len(place) :], prefix="")
            self._note(place, left_out(_written(place), f"{inner}: {why}" if inner else why))
            for also in _amounts_beside(self._event, self._left, place):
                places[also] = None
                self._note(also, left_out(_written(also), f"means nothing without {place[-1]}"))
        _delete(self._left, places)
        return bool(places)

    def _note(self, path: Path, note: Note) -> None:
        self._notes.setdefault(path, note)

    def _incomplete(self, error: ValidationError) -> Understood:
        """Return an event that lacks fields which its class needs: it still ends runs.

        Raises:
            BadEvent: it ends none.
        """
        faults = _faults(error)
        if not self._role.ends or any(path[:1] in _ENVELOPE for path, _ in faults):
            raise bad_event(error) from None
        for path, why in faults:
            self._note(path, Note(_written(path), why))
        fields = dict(_readable(self._event, {**self._left, **self._envelope}))
        if fields.keys() >= required_fields(self._event):
            # a validator of the whole class has spoken: nobody knows which field it means
            sure = {*ENVELOPE, *self._role.keys}
            fields = {name: value for name, value in fields.items() if name in sure}
        notes = [*self._notes.values(), _NOT_WHOLE]
        # None stands where a text or a moment should: a reader of events asks `is_whole`
        values: dict[str, Any] = dict.fromkeys(required_fields(self._event) - set(fields))
        event = self._event.model_construct(set(fields), **fields, **values)
        return Understood(event, self._left, few(notes))


_NOT_WHOLE = Note("properties", "are not whole: the event ends runs and starts none")
_ENVELOPE = tuple((name,) for name in ENVELOPE)


def _faults(error: ValidationError) -> list[tuple[Path, str]]:
    return [(fault["loc"], reason(fault["msg"])) for fault in error.errors(include_url=False)]


def _readable(event: type[Event], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that can be read by themselves."""
    for name, adapter in _adapters(event).items():
        if name in values:
            try:
                yield name, adapter.validate_python(values[name])
            except ValidationError:
                continue


@cache
def _adapters(event: type[Event]) -> Mapping[str, TypeAdapter[Any]]:
    return {
        name: TypeAdapter(field.rebuild_annotation()) for name, field in event.model_fields.items()
    }


def _place(model: type[BaseModel] | None, values: Any, path: Path) -> Path | None:
    """Return the smallest part on the way to a fault that its surroundings can be without."""
    place: Path | None = None
    at: Path = ()
    for part in path:
        shape = shapes(model).get(part) if model and isinstance(part, str) else None
        if isinstance(values, Mapping) and part in values:
            at = (*at, part)
            if shape is None or not shape.required or len(at) == 1:
                place = at
            model = shape.model if shape else None
        elif isinstance(values, list) and isinstance(part, int) and part < len(values):
            at = (*at, part)
            place = at
        else:  # a field that is missing, or a word of pydantic's about a union
            break
        values = values[part]
    return place


def _amounts_beside(model: type[BaseModel], values: Any, place: Path) -> Iterator[Path]:
    """Yield the amounts that mean nothing without the part at a place."""
    beside: type[BaseModel] | None = model
    for part in place[:-1]:
        if isinstance(part, str):
            shape = shapes(beside).get(part) if beside else None
            beside = shape.model if shape else None
        values = values[part]
    if beside is None or not isinstance(values, Mapping):
        return
    fields = shapes(beside)
    told = fields.get(str(place[-1]))
    if told is None or not told.is_part_of_amount:
        return
    for name, shape in fields.items():
        if shape.is_money and not shape.is_part_of_amount and not _is_blank(values.get(name)):
            yield (*place[:-1], name)


def _doubtful_bools(model: type[BaseModel], values: Mapping[str, Any]) -> list[tuple[Path, str]]:
    """Return the fields that are true or false, and should be something else.

    Python counts True as 1, and so does pydantic.
    """
    found: list[tuple[Path, str]] = []
    known = shapes(model)
    for name, value in values.items():
        if type(value) in _NO_BOOL or (shape := known.get(name)) is None:
            continue
        if isinstance(value, bool) and not shape.takes_bool:
            found.append(((name,), "must not be true or false"))
        elif shape.model is not None:
            items = enumerate(value) if isinstance(value, list) else ((None, value),)
            for number, item in items:
                if isinstance(item, Mapping):
                    where = (name,) if number is None else (name, number)
                    found += [
                        ((*where, *path), why) for path, why in _doubtful_bools(shape.model, item)
                    ]
    return found


def _is_blank(value: Any) -> bool:
    """Tell whether a value says nothing, as PHP and forms write it."""
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _at(values: Any, path: Path) -> Any:
    for part in path:
        values = values[part]
    return values


def _delete(values: Any, places: Iterable[Path]) -> None:
    """Delete the parts at these places, each list once, the innermost first."""
    items: dict[Path, set[str | int]] = {}
    for place in places:
        items.setdefault(place[:-1], set()).add(place[-1])
    for holder in sorted(items, key=len, reverse=True):
        at, gone = _at(values, holder), items[holder]
        if isinstance(at, list):
            at[:] = [value for number, value in enumerate(at) if number not in gone]
        else:
            for name in gone:
                at.pop(name, None)


def _written(path: Path, *, prefix: str = "properties") -> str:
    return ".".join([*([prefix] if prefix else []), *map(str, path)])
