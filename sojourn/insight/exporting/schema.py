"""The schema of an export. docs/export.md shows it; a test holds the two together."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from sojourn.store.changes import Kind

VERSION = 1
"""Another number when a reader of this one would be wrong. A new column changes nothing."""


class Type(StrEnum):
    """The type of a column, as DuckDB and PostgreSQL both call it."""

    NUMBER = "BIGINT"
    TEXT = "VARCHAR"
    FLAG = "BOOLEAN"
    MOMENT = "TIMESTAMPTZ"


@dataclass(frozen=True)
class Column:
    """A column of a stream.

    Args:
        name: in the files.
        of: the column of ours that it is, with its table where that is not the stream's; empty: it
            is made of several.
        type: of its values.
        personal: it is left out unless somebody asks.
    """

    name: str
    of: str = ""
    type: Type = Type.TEXT
    personal: bool = False


KEY = (
    Column("id", type=Type.NUMBER),
    Column("seq", type=Type.NUMBER),
    Column("gone", type=Type.FLAG),
)
"""The columns that each stream begins with."""


@dataclass(frozen=True)
class Stream:
    """One kind of rows.

    Args:
        name: the folder, or the table.
        kind: of changes.
        columns: beside `KEY`.
    """

    name: str
    kind: Kind
    columns: tuple[Column, ...]

    def shown(self, *, personal: bool) -> tuple[Column, ...]:
        """Return the columns of a file.

        Args:
            personal: those that are personal as well.
        """
        return (*KEY, *(one for one in self.columns if personal or not one.personal))


def _same(names: str, type_: Type = Type.TEXT, *, personal: bool = False) -> tuple[Column, ...]:
    """Return columns that have the names of ours."""
    return tuple(Column(name, name, type_, personal) for name in names.split())


def _moments(names: str) -> tuple[Column, ...]:
    return _same(names, Type.MOMENT)


def _number(name: str, of: str = "") -> Column:
    return Column(name, of or name, Type.NUMBER)


STREAMS: Mapping[str, Stream] = MappingProxyType(
    {
        one.name: one
        for one in (
            Stream(
                "messages",
                Kind.MESSAGE,
                (
                    *_same("customer_id message_id"),
                    Column("source", "journey"),
                    Column("run", "workflow_id"),
                    *_same("enrolment version step template variant channel"),
                    Column("language", "attempts.language"),
                    *_same("message_class topic state reason progress provider"),
                    Column("mailbox", "attempts.mailbox"),
                    Column("coupons", "coupon"),
                    _number("attempts", "attempt"),
                    Column("possible_duplicate", "possible_duplicate", Type.FLAG),
                    *_moments("due_at decided_at held_until"),
                    *_same("held_for"),
                    *_moments("claimed_at submitted_at"),
                    *_moments("settled_at progress_at"),
                    *_same("detail", personal=True),
                ),
            ),
            Stream(
                "reports",
                Kind.REPORT,
                (
                    _number("message", "ledger_id"),
                    *_same("kind machine provider"),
                    *_moments("at received_at"),
                    *_same("detail", personal=True),
                ),
            ),
            Stream(
                "events",
                Kind.EVENT,
                (
                    *_same("customer_id message_id name copy_of"),
                    *_moments("occurred_at received_at"),
                    Column("properties"),
                    Column("personal", personal=True),
                ),
            ),
            Stream(
                "runs",
                Kind.RUN,
                (
                    *_same("customer_id journey"),
                    Column("run", "workflow_id"),
                    *_same("run_id key enrolment"),
                    *_moments("started_at closed_at"),
                ),
            ),
            Stream(
                "conversions",
                Kind.CONVERSION,
                (
                    _number("message", "ledger_id"),
                    _number("event", "seq"),
                    *_same("name occasion"),
                    *_moments("at"),
                    *_same("currency"),
                    _number("value_millionths", "value"),
                    _number("place"),
                    _number("touches"),
                ),
            ),
            Stream(
                "assignments",
                Kind.EXPOSURE,
                (
                    *_same("customer_id experiment variant"),
                    Column("run", "workflow_id"),
                    *_moments("at"),
                ),
            ),
            Stream(
                "consents",
                Kind.CONSENT,
                (
                    *_same("customer_id channel topic"),
                    Column("granted", "granted", Type.FLAG),
                    *_same("purpose source wording_version locale"),
                    _number("answers"),
                    *_moments("at received_at expires_at"),
                    *_same("address proof", personal=True),
                ),
            ),
        )
    }
)
BY_KIND: Mapping[Kind, Stream] = MappingProxyType({one.kind: one for one in STREAMS.values()})
