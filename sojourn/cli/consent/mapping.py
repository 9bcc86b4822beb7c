"""Mappings: TOML files that give the meaning of the columns in an export of consent."""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from sojourn.cli.addresses import read_address
from sojourn.cli.moments import read_past
from sojourn.cli.options import channel_named
from sojourn.domain.calendar import zone
from sojourn.domain.consent import Evidence, Purpose
from sojourn.domain.errors import BadInput, UnknownName, UnknownZone
from sojourn.domain.messages import Channel
from sojourn.domain.topics import Topics

FORMATS = Path(__file__).resolve().parent / "formats"
OWN = "sojourn"
"""The format of `sojourn consent export`."""
_LONGEST = {"wording": 5000}
_TEXT_LIMIT = 500

Columns = Annotated[
    tuple[str, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)
]
"""Names of columns, in order of preference: the first filled one counts."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WordColumns(_Strict):
    """A statement on consent that each row of a file may make.

    Args:
        channel: the statement's channel, if the file is about one.
        topic: the statement's topic, if the file is about one.
        channel_column: the column with the channel.
        topic_column: the column with the topic.
        purpose_column: the column with the purpose.
        said: the column that says yes or no. Without it, a filled cell of ``no_at`` says no, and
            otherwise one of ``yes_at`` says yes.
        yes: the values of ``said`` that mean yes; capitals do not matter.
        no: the values that mean no.
        neither: the values that say nothing, as an empty cell does.
        at: the moment of the statement.
        yes_at: the moment of a yes.
        no_at: the moment of a no.
        silent_if: columns; a row with one of them filled says nothing.
        source: the origin of the statement.
        address: the address that the statement is about; without it, the customer's address.
        wording: the exact text agreed to.
        wording_version: its version.
        locale: the locale of the text.
        proof: where to find proof of the statement.
        expires_at: when a yes ends.
    """

    channel: str = ""
    topic: str = ""
    channel_column: Columns = ()
    topic_column: Columns = ()
    purpose_column: Columns = ()
    said: Columns = ()
    yes: tuple[str, ...] = ()
    no: tuple[str, ...] = ()
    neither: tuple[str, ...] = ()
    at: Columns = ()
    yes_at: Columns = ()
    no_at: Columns = ()
    silent_if: Columns = ()
    source: Columns = ()
    address: Columns = ()
    wording: Columns = ()
    wording_version: Columns = ()
    locale: Columns = ()
    proof: Columns = ()
    expires_at: Columns = ()

    @property
    def telling(self) -> tuple[str, ...]:
        """The columns that say yes or no; a file must have at least one of them."""
        return self.said or (*self.yes_at, *self.no_at)


class CustomerColumns(_Strict):
    """The columns that identify the customer of a row.

    Args:
        id: the customer's id, as services send it.
        email: the e-mail address.
        phone: the phone number.
    """

    id: Columns = ()
    email: Columns = ()
    phone: Columns = ()


class MappingFile(_Strict):
    """The contents of a mapping's file.

    Args:
        customer: the columns that identify the customer of a row.
        words: the statements that a row may make.
        source: the source if a row names none.
        timezone: the time zone of moments that name none.
        time_format: the format of moments, for `datetime.strptime`; empty for ISO 8601.
    """

    customer: CustomerColumns
    words: Annotated[tuple[WordColumns, ...], Field(min_length=1)]
    source: str = ""
    timezone: str = "UTC"
    time_format: str = ""


@dataclass(frozen=True)
class Word:
    """A statement in a row.

    Args:
        channel: None means every channel.
        topic: the topic; empty for any.
        purpose: the use of data that it is about.
        granted: yes or no.
        at: when it was said; None for a no without a known moment.
        source: its origin.
        evidence: its circumstances.
    """

    channel: Channel | None
    topic: str
    purpose: Purpose
    granted: bool
    at: datetime | None
    source: str
    evidence: Evidence


@dataclass(frozen=True)
class Row:
    """A row of a file, as read.

    Args:
        customer_id: the customer; empty if the addresses identify them.
        addresses: the customer's addresses, by channel.
        words: its statements.
    """

    customer_id: str
    addresses: Mapping[Channel, str]
    words: tuple[Word, ...]


class Reader:
    """Reads rows by a mapping.

    Args:
        mapping: the meaning of the columns.
        topics: the project's topics.
        now: the present; later moments are refused.
        undated: the moment for a no without one; None for when it is recorded.

    Raises:
        BadInput: the mapping names a channel, a topic or a time zone that does not exist.
    """

    def __init__(
        self,
        mapping: MappingFile,
        topics: Topics,
        now: datetime,
        *,
        undated: datetime | None = None,
    ) -> None:
        self._undated = undated
        self._mapping = mapping
        self._topics = topics
        self._now = now
        try:
            self._tz = zone(mapping.timezone)
        except UnknownZone as error:
            raise BadInput(f"timezone: {error}") from None
        for word in mapping.words:
            if word.channel:
                channel_named(word.channel)
            if word.topic:
                topics.check(word.topic)
            if not word.telling:
                raise BadInput("words: name the column that says yes or no: said, yes_at or no_at")
            if word.said and not (word.yes or word.no):
                raise BadInput("words: say what a yes and a no look like: yes, no")

    def check(self, columns: Collection[str]) -> None:
        """Check that a file has the columns of a statement and of its customer.

        Raises:
            BadInput: columns are missing; the text names them.
        """
        who = self._mapping.customer
        wanted = [*who.id, *who.email, *who.phone, *self._addresses()]
        self._check(columns, wanted, "who a row is about")
        telling = [name for word in self._mapping.words for name in word.telling]
        self._check(columns, telling, "what a customer said")

    def read(self, cells: Mapping[str, str]) -> Row:
        """Read one row.

        Args:
            cells: the cells by column; empty ones may be left out.

        Returns:
            The row, without statements if it says nothing.

        Raises:
            BadInput: the row cannot be taken; the text says why.
        """
        who = self._mapping.customer
        addresses: dict[Channel, str] = {}
        words: list[Word] = []
        for word in self._mapping.words:
            if (said := self._said(word, cells)) is None:
                continue
            words.append(self._word(word, said, cells))
        if words:
            if email := _first(cells, who.email):
                addresses[Channel.EMAIL] = read_address(Channel.EMAIL, email)
            if phone := _first(cells, who.phone):
                number = read_address(Channel.SMS, phone.lstrip("'"))
                addresses |= {Channel.SMS: number, Channel.WHATSAPP: number}
            for told in words:
                if told.channel and told.evidence.address:
                    addresses.setdefault(told.channel, told.evidence.address)
        return Row(_first(cells, who.id), addresses, tuple(words))

    def _said(self, word: WordColumns, cells: Mapping[str, str]) -> bool | None:
        """Return whether a row says yes or no; None if it says neither."""
        if _first(cells, word.silent_if):
            return None
        if not word.said:
            if _first(cells, word.no_at):
                return False
            return True if _first(cells, word.yes_at) else None
        said = _first(cells, word.said)
        for answer, spellings in ((False, word.no), (True, word.yes), (None, word.neither)):
            if said.casefold() in (one.casefold() for one in spellings):
                return answer
        if not said:
            return None
        raise BadInput(
            f'{word.said[0]}: "{said[:40]}" says neither yes ({", ".join(word.yes)}) '
            f"nor no ({', '.join(word.no)})"
        )

    def _word(self, word: WordColumns, granted: bool, cells: Mapping[str, str]) -> Word:
        channel = self._channel(word, cells)
        topic = word.topic or _first(cells, word.topic_column)
        purpose = self._purpose(word, cells)
        if topic:
            self._check_topic(topic)
        if channel is None and not topic and purpose is Purpose.MESSAGES:
            raise BadInput("names neither channel nor topic")
        moment = _first(cells, (*(word.yes_at if granted else word.no_at), *word.at))
        source = _first(cells, word.source) or self._mapping.source
        if granted and not moment:
            raise BadInput("a yes without a date does not count as consent")
        if granted and not source:
            raise BadInput("a yes without a source does not count as consent")
        return Word(
            channel=channel,
            topic=topic,
            purpose=purpose,
            granted=granted,
            at=self._moment(moment, last=not granted) if moment else self._undated,
            source=_short("source", source) or "imported",
            evidence=self._evidence(word, channel, granted, cells),
        )

    def _channel(self, word: WordColumns, cells: Mapping[str, str]) -> Channel | None:
        name = word.channel or _first(cells, word.channel_column)
        return channel_named(name) if name else None

    def _purpose(self, word: WordColumns, cells: Mapping[str, str]) -> Purpose:
        name = _first(cells, word.purpose_column) or Purpose.MESSAGES.value
        known = [
            Purpose.MESSAGES.value,
            Purpose.OPENS.value,
        ]  # a pending statement is neither yes nor no
        if name not in known:
            raise UnknownName("purpose", name, known)
        return Purpose(name)

    def _check_topic(self, topic: str) -> None:
        self._topics.check(topic)
        if topic in self._topics and not self._topics[topic].can_be_refused:
            kind = self._topics[topic].message_class
            raise BadInput(f'the topic "{topic}" is {kind}: nobody says yes or no to it')

    def _moment(self, text: str, *, last: bool) -> datetime:
        form = self._mapping.time_format
        return read_past(text, self._now, tz=self._tz, form=form, last=last)

    def _evidence(
        self,
        word: WordColumns,
        channel: Channel | None,
        granted: bool,
        cells: Mapping[str, str],
    ) -> Evidence:
        address = _first(cells, word.address)
        ends = _first(cells, word.expires_at) if granted else ""
        texts = {
            name: _short(name, _first(cells, getattr(word, name)))
            for name in ("wording", "wording_version", "locale", "proof")
        }
        return Evidence(
            address=read_address(channel, address) if channel and address else "",
            expires_at=self._end(ends) if ends else None,
            **texts,
        )

    def _end(self, text: str) -> datetime:
        """Read when a yes ends, which may lie ahead; a day means its first moment."""
        far = self._now.replace(year=9000)
        return read_past(text, far, tz=self._tz, form=self._mapping.time_format)

    def _addresses(self) -> Sequence[str]:
        return [name for word in self._mapping.words for name in word.address]

    @staticmethod
    def _check(columns: Collection[str], wanted: Sequence[str], what: str) -> None:
        if set(wanted) & set(columns):
            return
        names = ", ".join(f'"{name}"' for name in dict.fromkeys(wanted))
        raise BadInput(
            f"the file has no column that tells {what} ({names}): it has {', '.join(columns)}"
        )


def read_mapping(path: Path) -> MappingFile:
    """Read a mapping.

    Raises:
        BadInput: the file cannot be read or is not a mapping; the message names the entry.
    """
    try:
        return MappingFile.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {error}") from None
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        why = "no such entry" if fault["type"] == "extra_forbidden" else fault["msg"].lower()
        raise BadInput(f"{path}: {place}: {why}") from None


def shipped_mapping(name: str) -> MappingFile:
    """Return the mapping of a shipped format.

    Raises:
        UnknownName: there is no such format.
    """
    if name not in shipped_formats():
        raise UnknownName("format", name, shipped_formats())
    return read_mapping(FORMATS / f"{name}.toml")


def shipped_formats() -> list[str]:
    """Return the names of the shipped formats."""
    return sorted(path.stem for path in FORMATS.glob("*.toml"))


def _first(cells: Mapping[str, str], columns: Sequence[str]) -> str:
    return next((cells[name] for name in columns if cells.get(name)), "")


def _short(name: str, text: str) -> str:
    limit = _LONGEST.get(name, _TEXT_LIMIT)
    if len(text) > limit:
        raise BadInput(f"{name}: is longer than {limit} characters")
    return text
