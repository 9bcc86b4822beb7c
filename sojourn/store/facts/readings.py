"""Stored JSON as values that SQL compares: the same as `domain.facts.values.read` on each database.

An expression is NULL where the value is missing or of another kind, so that SQL's three-valued
logic gives the answer. A cast follows a test of the text: one bad row must not fail a query over
all customers.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import (
    JSON,
    Double,
    Float,
    Integer,
    String,
    and_,
    case,
    cast,
    collate,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy.sql.elements import ColumnElement

from sojourn.domain.facts.anniversaries import NO_YEAR
from sojourn.domain.facts.values import (
    DAY,
    LARGEST,
    MOMENT,
    MONTH_AND_DAY,
    NUMBER,
    SMALLEST,
    Kind,
    Value,
    read_moment,
)
from sojourn.store.tables import UtcDateTime

Sql = ColumnElement[Any]
_MILLIONTHS = 1_000_000
_HIGH, _LOW = r"\\ud[89ab][0-9a-f]{2}", r"\\ud[c-f][0-9a-f]{2}"
_HIGH_ALONE, _LOW_ALONE = f"{_HIGH}(?!{_LOW})", f"(?<!{_HIGH}){_LOW}"
"""Halves of surrogate pairs without the other half, as JSON writes them."""
_QUESTION = r"\u003f"
"""A question mark, written so that an escaped backslash before it is no fault."""


class Reading(Protocol):
    """One stored value, at a path in a column of JSON."""

    def is_missing(self) -> Sql:
        """Return whether there is no value, or null."""
        ...

    def as_kind(self, kind: Kind, *, of_event: bool) -> Sql:
        """Return the value as one of a kind; NULL if it is of another.

        Args:
            kind: the kind that is meant.
            of_event: a field of an event: numbers may be written as text.
        """
        ...

    def contains(self, wanted: str) -> Sql:
        """Return whether it is a text with another in it, or a list with it as an element."""
        ...

    def as_date(self) -> Sql:
        """Return the value as a date, as `anniversaries.read_date`; NULL if it is none."""
        ...


def literal_of(value: Value, *, postgresql: bool) -> Sql:
    """Return an author's value as `Reading.as_kind` gives stored ones."""
    match value.kind:
        case Kind.YES_NO:
            return literal("true" if value.value else "false")
        case Kind.NUMBER:
            return literal(float(value.value), Double())
        case Kind.MOMENT:
            moment = read_moment(value.value)
            assert moment is not None
            return literal(moment, UtcDateTime()) if postgresql else literal(_micros(moment))
    return literal(str(value.value))


def _micros(moment: datetime) -> int:
    whole = moment.replace(microsecond=0)
    return int(whole.timestamp()) * _MILLIONTHS + moment.microsecond


@dataclass(frozen=True)
class OnSqlite:
    """A value in a column of SQLite.

    Args:
        column: the column.
        path: names that lead to it.
    """

    column: Any
    path: Sequence[str]

    @property
    def _type(self) -> Sql:
        return func.json_type(self.column, self._path, type_=String())

    @property
    def _path(self) -> str:
        # names are compared as they stand in the stored text, where json.dumps has written them
        return "$" + "".join(f".{json.dumps(name)}" for name in self.path)

    def _value(self, as_type: Any) -> Sql:
        return func.json_extract(self.column, self._path, type_=as_type)

    def is_missing(self) -> Sql:
        """Return whether there is no value, or null."""
        return func.coalesce(self._type, "null") == "null"

    def as_kind(self, kind: Kind, *, of_event: bool) -> Sql:
        """Return the value as one of a kind; NULL if it is of another."""
        written = self._value(String())
        match kind:
            case Kind.YES_NO:
                return case((self._type.in_(("true", "false")), self._type))
            case Kind.NUMBER:
                number = self._value(Float())
                size = func.abs(number)
                near = or_(number == 0.0, and_(size >= SMALLEST, size < LARGEST))
                found = [(and_(self._type.in_(("integer", "real")), near), number)]
                if of_event:
                    plain = and_(self._type == "text", _is_number(written))
                    found.append((plain, cast(written, Float())))
                return case(*found)
            case Kind.TEXT:
                return case((self._type == "text", written))
            case Kind.DAY:
                return case((and_(self._type == "text", _is_day(written)), written))
            case Kind.MOMENT:
                return case((self._type == "text", _sqlite_moment(written)))

    def contains(self, wanted: str) -> Sql:
        """Return whether it is a text with another in it, or a list with it as an element."""
        inside = func.json_each(self.column, self._path).table_valued("value", "type")
        element = exists(
            select(literal(1))
            .select_from(inside)
            .where(inside.c.type == "text", inside.c.value == wanted)
        )
        return case(
            (self._type == "text", func.instr(self._value(String()), wanted) > 0),
            (self._type == "array", element),
        )

    def as_date(self) -> Sql:
        """Return the value as a date; NULL if it is none."""
        written = self._value(String())
        bare, dashed = _without_year(written), _without_year(func.substr(written, 3))
        text_ = self._type == "text"
        return case(
            (and_(text_, _is_day(written)), written),
            (and_(text_, _sqlite_moment(written).is_not(None)), func.substr(written, 1, 10)),
            (and_(text_, func.length(written) == 5, _is_day(bare)), bare),
            (and_(text_, _glob(written, "--?????"), _is_day(dashed)), dashed),
        )


def _without_year(written: Sql) -> Sql:
    found: Sql = literal(f"{NO_YEAR}-").concat(written)
    return found


def _glob(written: Sql, pattern: str) -> Sql:
    return written.op("GLOB", is_comparison=True)(pattern)


def _is_number(written: Sql) -> Sql:
    """Return whether a text is a number, as `values.NUMBER` says."""
    body = case((func.substr(written, 1, 1) == "-", func.substr(written, 2)), else_=written)
    whole = func.instr(body.concat("."), ".") - 1
    return and_(
        _glob(body, "[0-9]*"),
        ~_glob(body, "*[^0-9.]*"),
        ~_glob(body, "*.*.*"),
        ~_glob(body, "*."),
        whole <= 15,
        func.length(body) - whole <= 16,
    )


_DAY_GLOB = "[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]"


def _is_day(written: Sql) -> Sql:
    """Return whether a text is a day that exists.

    SQLite takes 30 February as it stands, and makes 1 March of it once it calculates.
    """
    return and_(_glob(written, _DAY_GLOB), func.date(written, "+0 days") == written)


def _sqlite_moment(written: Sql) -> Sql:
    """Return the microseconds of a moment since 1970; NULL for any other text."""
    zone = case((_glob(written, "*Z"), "Z"), else_=func.substr(written, -6))
    fraction = func.substr(written, 20, func.length(written) - 19 - func.length(zone))
    seconds = cast(func.strftime("%s", func.substr(written, 1, 19).concat(zone)), Integer())
    micros = cast(func.substr(func.substr(fraction, 2).concat("000000"), 1, 6), Integer())
    is_zone = or_(
        zone == "Z",
        and_(_glob(zone, "[+-][01][0-9]:[0-5][0-9]"), func.substr(zone, 2, 2) <= "13"),
    )
    is_fraction = or_(
        fraction == "",
        and_(
            _glob(fraction, ".[0-9]*"),
            ~_glob(func.substr(fraction, 2), "*[^0-9]*"),
            func.length(fraction) <= 7,
        ),
    )
    shape = and_(
        _glob(written, f"{_DAY_GLOB}T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]*"),
        func.length(written) >= 20,
        _is_day(func.substr(written, 1, 10)),
        func.substr(written, 12, 2) <= "23",
        is_zone,
        is_fraction,
    )
    return case((shape, seconds * _MILLIONTHS + micros))


@dataclass(frozen=True)
class OnPostgresql:
    """A value in a column of PostgreSQL.

    Args:
        column: the column.
        path: names that lead to it.
    """

    column: Any
    path: Sequence[str]

    @property
    def _readable(self) -> Sql:
        """Return the column without the characters that PostgreSQL stores and cannot read.

        Calls with a NUL or half of a surrogate pair are refused today; older rows may have one.
        """
        stored = cast(self.column, String())
        mended = func.replace(stored, "\\u0000", _QUESTION)
        for half in (_HIGH_ALONE, _LOW_ALONE):
            mended = func.regexp_replace(mended, half, "\\" + _QUESTION, "g")
        strange = or_(func.strpos(stored, "\\u0000") > 0, func.strpos(stored, "\\ud") > 0)
        return case((strange, cast(mended, JSON())), else_=self.column)

    @property
    def _node(self) -> Sql:
        return func.json_extract_path(self._readable, *self.path)

    @property
    def _type(self) -> Sql:
        return func.json_typeof(self._node, type_=String())

    @property
    def _text(self) -> Sql:
        return func.json_extract_path_text(self._readable, *self.path, type_=String())

    def is_missing(self) -> Sql:
        """Return whether there is no value, or null."""
        return func.coalesce(self._type, "null") == "null"

    def as_kind(self, kind: Kind, *, of_event: bool) -> Sql:
        """Return the value as one of a kind; NULL if it is of another."""
        written, is_text = self._text, self._type == "string"
        match kind:
            case Kind.YES_NO:
                return case((self._type == "boolean", written))
            case Kind.NUMBER:
                # as Python writes a number into JSON
                plain = "[0-9]{1,15}([.][0-9]+)?|[0-9]([.][0-9]+)?[eE]-[0-9]{1,2}"
                found = [(and_(self._type == "number", _is(written, f"-?({plain})")), written)]
                if of_event:
                    found.append((and_(is_text, _is(written, NUMBER)), written))
                return cast(case(*found), Double())
            case Kind.TEXT:
                return case((is_text, written))
            case Kind.DAY:
                return collate(case((and_(is_text, _is(written, DAY)), written)), "C")
            case Kind.MOMENT:
                return cast(case((and_(is_text, _is(written, MOMENT)), written)), UtcDateTime())

    def contains(self, wanted: str) -> Sql:
        """Return whether it is a text with another in it, or a list with it as an element."""
        array = case((self._type == "array", self._node), else_=text("'[]'::json"))
        inside = func.json_array_elements(array).table_valued("value")
        element: Sql = column("value")
        found = exists(
            select(literal(1))
            .select_from(inside)
            .where(
                func.json_typeof(element) == "string",
                element.op("#>>")(text("'{}'")) == wanted,
            )
        )
        return case(
            (self._type == "string", func.strpos(self._text, wanted) > 0),
            (self._type == "array", found),
        )

    def as_date(self) -> Sql:
        """Return the value as a date; NULL if it is none."""
        written, is_text = self._text, self._type == "string"
        month_and_day = func.substr(written, func.length(written) - 4)
        return case(
            (and_(is_text, _is(written, DAY)), written),
            (and_(is_text, _is(written, MOMENT)), func.substr(written, 1, 10)),
            (and_(is_text, _is(written, f"(--)?{MONTH_AND_DAY}")), _without_year(month_and_day)),
        )


def _is(written: Sql, pattern: str) -> Sql:
    found: Sql = written.regexp_match(f"^({pattern})$")
    return found


@dataclass(frozen=True)
class OfCard:
    """A field of a customer's card, which is a text; an empty one is missing.

    Args:
        column: the column.
        postgresql: on PostgreSQL; else on SQLite.
    """

    column: Any
    postgresql: bool

    def is_missing(self) -> Sql:
        """Return whether the field is empty."""
        empty: Sql = self.column == ""
        return empty

    def as_kind(self, kind: Kind, *, of_event: bool) -> Sql:
        """Return the value as one of a kind: it is a text and nothing else."""
        value = case((self.column != "", self.column))
        if kind is Kind.TEXT:
            return value
        nothing = {Kind.NUMBER: Double(), Kind.MOMENT: UtcDateTime()}
        if not self.postgresql and kind is Kind.MOMENT:
            return cast(literal(None), Integer())
        return cast(literal(None), nothing.get(kind, String()))

    def contains(self, wanted: str) -> Sql:
        """Return whether the text has another in it."""
        position = func.strpos if self.postgresql else func.instr
        return case((self.column != "", position(self.column, wanted) > 0))

    def as_date(self) -> Sql:
        """Return NULL: no field of the card is a date, whatever it looks like."""
        return cast(literal(None), String())
