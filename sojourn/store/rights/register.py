"""The terms of the register: what a table holds about a person, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Part(StrEnum):
    """The content of a column."""

    CUSTOMER = "customer"
    """An id of the customer."""
    NAMES = "names"
    """A text that may have an id of the customer in it: a run's id, the id of a call."""
    ADDRESS = "address"
    """An address of the customer."""
    PERSONAL = "personal"
    """Anything else that is the customer's: words, values, details."""
    PLAIN = "plain"
    """Nothing that identifies the customer: moments, states, names of journeys and steps."""


class End(StrEnum):
    """The end of a person's rows, when the person is erased."""

    DELETED = "deleted"
    EMPTIED = "emptied"
    """The row stays and counts; every column except the plain ones loses its value."""
    HASHED = "hashed"
    """The row stays, since nobody may write to its address; a hash replaces the address."""
    KEPT = "kept"
    """The row holds nothing about a person."""


class Find(StrEnum):
    """The way to the rows of a person."""

    CUSTOMER = "customer"
    """By the columns that hold an id of the customer."""
    MESSAGE = "message"
    """By the message of the ledger that they belong to, ``ledger_id``."""
    ADDRESS = "address"
    """By ``channel`` and ``address``."""
    CALL = "call"
    """By the ids and addresses in a call as it was sent."""
    NOBODY = "nobody"
    """The table holds nothing about customers."""


@dataclass(frozen=True)
class Aging:
    """The part of a table that is deleted by age.

    Args:
        column: the moment from which the days count.
        gives_up: the columns that lose their value; empty: the row is deleted.
        of_message: the moment is the one of the message that the row belongs to.
        by_key: page the rows by their keys, which grow with the moments: an index of moments
          would cost too much where so much is written. False: by an index of moments.
    """

    column: str
    gives_up: tuple[str, ...] = ()
    of_message: bool = False
    by_key: bool = False


@dataclass(frozen=True)
class Holding:
    """A table, and what it holds about a person.

    Args:
        what: what a row is, in one line, as docs/rights.md says it.
        columns: each column, and what it holds.
        find: how the rows of a person are found.
        end: what erasure does with them.
        aging: the part that is deleted by age; None: nothing.
    """

    what: str
    columns: Mapping[str, Part] = field(default_factory=dict)
    find: Find = Find.CUSTOMER
    end: End = End.DELETED
    aging: Aging | None = None


def parts(
    *,
    customer: str = "",
    names: str = "",
    address: str = "",
    personal: str = "",
    plain: str = "",
) -> dict[str, Part]:
    """Return the columns of a table, each group named as words in one text.

    Args:
        customer: the columns with an id of the customer.
        names: those with a text that may have such an id in it.
        address: those with an address.
        personal: those with anything else that is the customer's.
        plain: those that tell nothing about a person.

    Returns:
        Each column, and what it holds.
    """
    groups = {
        Part.CUSTOMER: customer,
        Part.NAMES: names,
        Part.ADDRESS: address,
        Part.PERSONAL: personal,
        Part.PLAIN: plain,
    }
    return {column: part for part, told in groups.items() for column in told.split()}
