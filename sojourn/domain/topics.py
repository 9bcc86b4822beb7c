"""Topics: the kinds of messages that customers can say no to.

A project lists them in ``topics.toml``::

    [newsletter]
    default = "off"                    # sent after a yes to this topic alone
    cadence = ["weekly", "monthly"]    # what "less often" can mean for it
    name.en = "Newsletter"
    name.it = "Newsletter"
    about.en = "New products and ideas, on Thursdays."

A project without the file has no registry: every topic is taken as it is, and as ``on``.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.messages import MessageClass

FILE = "topics.toml"
_NAME = re.compile(r"[a-z\d]+([_-][a-z\d]+)*", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z\d]+)*", re.ASCII)


class Default(StrEnum):
    """The rule for a customer who never spoke about the topic."""

    ON = "on"
    """Consent to the channel suffices, until the customer says no to the topic."""
    OFF = "off"
    """The customer has to say yes to the topic itself."""


class Cadence(StrEnum):
    """A choice of "less often": at most one message on the topic in so many calendar days."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"

    @property
    def days(self) -> int:
        """The least distance of two messages, in calendar days of the customer."""
        return {Cadence.DAILY: 1, Cadence.WEEKLY: 7, Cadence.MONTHLY: 30}[self]


_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class _Table(BaseModel):
    """One topic, as the file has it."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[dict[str, _Words], Field(min_length=1)]
    about: dict[str, _Words] = {}
    message_class: Annotated[MessageClass, Field(alias="class")] = MessageClass.PROMOTIONAL
    default: Default = Default.ON
    cadence: tuple[Cadence, ...] = ()


@dataclass(frozen=True)
class Topic:
    """A kind of messages that customers can say no to.

    Args:
        id: as journeys and messages name it: ``newsletter``.
        name: what customers call it, by language.
        about: what it is, in a sentence, by language; may be empty.
        message_class: of all messages on it. Customers can say no to promotional ones alone.
        default: whether a customer who never spoke about it gets it.
        cadence: the choices of "less often" that customers are offered; none: it is not offered.
    """

    id: str
    name: Mapping[str, str]
    about: Mapping[str, str] = field(default_factory=dict)
    message_class: MessageClass = MessageClass.PROMOTIONAL
    default: Default = Default.ON
    cadence: tuple[Cadence, ...] = ()

    @property
    def needs_own_yes(self) -> bool:
        """True if consent to the channel is not enough."""
        return self.default is Default.OFF

    @property
    def can_be_refused(self) -> bool:
        """True if customers may say no: to promotional messages alone."""
        return self.message_class is MessageClass.PROMOTIONAL

    def name_in(self, languages: Iterable[str]) -> str:
        """Return the topic's name in the first of these languages that it has; else its id."""
        return next((self.name[tag] for tag in languages if tag in self.name), self.id)

    def about_in(self, languages: Iterable[str]) -> str:
        """Return what the topic is, in the first of these languages that has it; may be empty."""
        return next((self.about[tag] for tag in languages if tag in self.about), "")


@dataclass(frozen=True)
class Topics(Mapping[str, Topic]):
    """The topics of a project by their ids, in the order of the file; none without a file."""

    listed: Mapping[str, Topic] = field(default_factory=lambda: MappingProxyType({}))
    declared: bool = False
    """There is a file. Without one every topic is known."""

    def __getitem__(self, topic: str) -> Topic:
        return self.listed[topic]

    def __iter__(self) -> Iterator[str]:
        return iter(self.listed)

    def __len__(self) -> int:
        return len(self.listed)

    def check(self, topic: str) -> None:
        """Check that a topic is one of the project's.

        Raises:
            UnknownName: the project lists its topics, and this is none of them; the message offers
                the nearest.
        """
        if self.declared and topic not in self.listed:
            raise UnknownName("topic", topic, self.listed, hint=f"{FILE} lists none")

    @cached_property
    def own(self) -> frozenset[str]:
        """The topics that need a yes of their own (`needs_own_yes`)."""
        return frozenset(name for name, topic in self.listed.items() if topic.needs_own_yes)

    def needs_own_yes(self, topic: str) -> bool:
        """Tell whether a customer has to say yes to the topic itself."""
        return topic in self.own

    def missing(self, languages: Iterable[str]) -> list[str]:
        """List the words that topics lack in the languages that a project declares.

        Args:
            languages: ``("en", "pl")``.

        Returns:
            What to write: ``topics.toml: cart.name.pl``. A topic that says nowhere what it is
            need not say it in one language.
        """
        lacking = []
        for topic in self.listed.values():
            for language in languages:
                if language not in topic.name:
                    lacking.append(f"{FILE}: {topic.id}.name.{language}")
                if topic.about and language not in topic.about:
                    lacking.append(f"{FILE}: {topic.id}.about.{language}")
        return lacking


def read_topics(tables: Mapping[str, Any]) -> Topics:
    """Read the tables of a ``topics.toml``.

    Args:
        tables: the parsed file.

    Returns:
        The topics.

    Raises:
        BadInput: one line that names the entry at fault: ``cart.default: ...``.
    """
    return Topics(
        MappingProxyType({name: _topic(name, table) for name, table in tables.items()}),
        declared=True,
    )


def _topic(name: str, table: Any) -> Topic:
    if not _NAME.fullmatch(name):
        raise BadInput(
            f'"{name}" cannot name a topic: write it like "newsletter" or "price-alerts"'
        )
    if not isinstance(table, dict):
        raise BadInput(f"{name}: is not a table: write [{name}], and its name.en below")
    try:
        read = _Table.model_validate(table)
    except ValidationError as error:
        raise BadInput(f"{name}{_fault(error)}") from None
    _check_sense(name, read)
    return Topic(
        id=name,
        name=MappingProxyType(read.name),
        about=MappingProxyType(read.about),
        message_class=read.message_class,
        default=read.default,
        cadence=tuple(choice for choice in Cadence if choice in read.cadence),
    )


def _check_sense(name: str, read: _Table) -> None:
    """Check what a table says beyond the form of its entries."""
    for entry, words in (("name", read.name), ("about", read.about)):
        for language in words:
            if not _LANGUAGE.fullmatch(language):
                raise BadInput(f'{name}.{entry}: "{language}" is not a language: write it like en')
    if len(set(read.cadence)) < len(read.cadence):
        raise BadInput(f"{name}.cadence: names a choice twice")
    chosen = "cadence" if read.cadence else "default" if read.default is Default.OFF else ""
    if chosen and read.message_class is not MessageClass.PROMOTIONAL:
        raise BadInput(
            f"{name}.{chosen}: is for promotional topics: {read.message_class} messages are sent "
            "whatever the customer chooses"
        )


def _fault(error: ValidationError) -> str:
    """Return the first fault of a table, with its place."""
    fault = error.errors(include_url=False)[0]
    place = "".join(f".{part}" for part in fault["loc"] if not isinstance(part, int))
    match fault["type"]:
        case "extra_forbidden":
            return f"{place}: no such entry: a topic has name, about, class, default and cadence"
        case "missing":
            return f"{place}: is missing: write name.en = ..."
        case "enum":
            return f"{place}: is {fault['input']!r}, and must be {fault['ctx']['expected']}"
        case "dict_type":
            return f'{place}: must be by language: write {place[1:]}.en = "..."'
        case _:
            return f"{place}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"
