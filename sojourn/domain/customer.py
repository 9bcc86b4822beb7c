"""The customer's card: a person, and how to reach them. It never enters a workflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from babel.core import get_global

from sojourn.domain.addresses import normalised
from sojourn.domain.calendar import zone
from sojourn.domain.consent import Statement
from sojourn.domain.devices import Device, read_device
from sojourn.domain.emails import is_email
from sojourn.domain.errors import BadCustomer
from sojourn.domain.locales import region
from sojourn.domain.messages import Channel
from sojourn.domain.notes import Note
from sojourn.domain.phones import NoCountry, NotAPhone, country_of, read_phone
from sojourn.domain.statements import TRAIT, as_sent
from sojourn.domain.topics import Topics
from sojourn.domain.traits import countries_of, read_context, read_traits
from sojourn.domain.value_class import value_class

_CHANNELS = tuple(Channel)


@value_class
class Customer:
    """A customer as the store knows them now.

    Args:
        customer_id: opaque; never an address.
        known: an identify call was seen; an event alone does not make somebody known.
        erased: the person asked to be forgotten.
        restricted: the person's data are kept, and not used.
        first_name: for greetings; may be missing.
        email: address for e-mail.
        phone: E.164, for SMS and WhatsApp.
        phone2: a second number, which stands in where nothing can be sent to the first.
        push_token: the device that a trait named.
        locale: BCP 47 as given: ``it-IT``; empty if not known.
        timezone: IANA name as given; empty if not known.
        attributes: everything else that identify calls said.
        snoozed_until: the customer wants no promotional message before this moment.
        in_care_until: somebody looks after the customer until this moment at the latest.
        in_care_of: the journey that does.
        least_days: by topic, the calendar days that the customer wants between two messages on it.
        devices: those that take push messages, the most recently used first; None: they were not
            read, and the token of the card stands for them.
    """

    customer_id: str
    known: bool = False
    erased: bool = False
    restricted: bool = False
    first_name: str = ""
    email: str = ""
    phone: str = ""
    phone2: str = ""
    push_token: str = ""
    locale: str = ""
    timezone: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    snoozed_until: datetime | None = None
    in_care_until: datetime | None = None
    in_care_of: str = ""
    least_days: Mapping[str, int] = field(default_factory=dict)
    devices: tuple[Device, ...] | None = None

    def address(self, channel: Channel) -> str:
        """Return the customer's first address on a channel; empty without one."""
        match channel:
            case Channel.EMAIL:
                return self.email
            case Channel.PUSH if self.devices is not None:
                return self.devices[0].token if self.devices else ""
            case Channel.PUSH:
                return self.push_token
            case Channel.SMS | Channel.WHATSAPP:
                return self.phone or self.phone2

    def addresses(self, channel: Channel) -> tuple[str, ...]:
        """Return every address that a message on a channel may go to, the best first."""
        if channel is Channel.PUSH and self.devices is not None:
            return tuple(device.token for device in self.devices)
        found = [self.address(channel)] if self.address(channel) else []
        if channel in (Channel.SMS, Channel.WHATSAPP) and self.phone and self.phone2:
            is_same = normalised(channel, self.phone) == normalised(channel, self.phone2)
            found += [] if is_same else [self.phone2]
        return tuple(found)

    @cached_property
    def reachable(self) -> frozenset[Channel]:
        """The channels that have an address."""
        found = {channel for channel in _CHANNELS if self.address(channel)}
        # a card may be older than the check of its addresses
        if Channel.EMAIL in found and not is_email(self.email):
            found.discard(Channel.EMAIL)
        return frozenset(found)


@value_class
class Identity:
    """The words of one identify call on the fields it names; on other fields it says nothing.

    Args:
        customer_id: the customer it is about.
        message_id: the call's own id; consents point back to it.
        at: when it was said; a later word outweighs an earlier one, in whatever order they arrive.
        card: card fields named by the call.
        attributes: other traits.
        consents: consent to promotional messages by channel.
        statements: words on consent with their circumstances.
        received_at: when it arrived; None: when the store hears it.
        context: card fields that the call's context tells; a trait outweighs them at any time.
        phone: a number as it is dialled in a country that the call does not name.
        phone2: the second number, likewise.
        faults: why other traits are left out; the path is ``traits.timezone``.
        left: the traits that are left out, as they were sent.
        sure: the sender gave the call an id or a moment. Without both, two equal calls may be two
            or one that was sent again.
        dated: False if the call tells a moment that nobody can read. It counts as said on its
            arrival, but a consent in it may be older than any refusal, and outweighs none.
        notes: what else of the call is left out.
        introduces: the customer is known from now on. A word of our own introduces nobody.
        device: that the call came from.
    """

    customer_id: str
    message_id: str
    at: datetime
    card: dict[str, str]
    attributes: dict[str, Any]
    consents: dict[Channel, bool]
    received_at: datetime | None = field(default=None, compare=False)
    context: dict[str, str] = field(default_factory=dict)
    phone: str = ""
    phone2: str = ""
    faults: tuple[BadCustomer, ...] = ()
    left: dict[str, Any] = field(default_factory=dict)
    sure: bool = field(default=True, compare=False)
    dated: bool = True
    notes: tuple[Note, ...] = field(default=(), compare=False)
    statements: tuple[Statement, ...] = ()
    introduces: bool = field(default=True, compare=False)
    device: Device | None = field(default=None, compare=False)

    @property
    def says_something(self) -> bool:
        """True if it has a trait that can be read."""
        return bool(self.card or self.attributes or self.words or self.phone or self.phone2)

    @property
    def words(self) -> tuple[Statement, ...]:
        """Every word on consent, those by channel first."""
        short = (Statement(channel, granted) for channel, granted in self.consents.items())
        return (*short, *self.statements)

    def on_topics(self, topics: Topics) -> "Identity":
        """Return the call without a yes to a topic that the project does not have.

        A no to such a topic stays: the topic may come back.

        Args:
            topics: the project's.
        """
        kept, left, faults = [], list(self.left.get(TRAIT, ())), list(self.faults)
        for number, word in enumerate(self.statements):
            if word.granted and word.topic and topics.declared and word.topic not in topics:
                known = ", ".join(topics)
                faults.append(BadCustomer(f"traits.{TRAIT}.{number}.topic", f"is none of {known}"))
                left.append(as_sent(word))
            else:
                kept.append(word)
        if len(kept) == len(self.statements):
            return self
        return replace(
            self, statements=tuple(kept), faults=tuple(faults), left={**self.left, TRAIT: left}
        )


@dataclass(frozen=True)
class Erasure:
    """A shop's word that a customer was deleted there: nobody may reach the person any more.

    Args:
        customer_id: any id of the person.
        message_id: the call's own id.
        at: when it was told.
        why: the law or the request that demands that all of it go, runs and messages too; empty:
            it is enough that nobody can reach the person.
    """

    customer_id: str
    message_id: str
    at: datetime
    why: str = ""


@dataclass(frozen=True)
class Errand:
    """A shop's request that a person has to carry out; it becomes a ticket.

    Args:
        customer_id: the customer it is about.
        message_id: the call's own id; the same request again is the same ticket.
        subject: one line for the person who takes it.
    """

    customer_id: str
    message_id: str
    subject: str


@value_class
class Word:
    """The last word on one field of a card.

    Args:
        value: the field's value.
        at: when it was said.
        source: the message id of the call that said it; empty from before calls were kept.
    """

    value: Any
    at: datetime
    source: str


def read_identity(
    traits: Mapping[str, Any],
    *,
    customer_id: str,
    message_id: str,
    at: datetime,
    received_at: datetime | None = None,
    context: Mapping[str, Any] = MappingProxyType({}),
    sure: bool = True,
    dated: bool = True,
    notes: tuple[Note, ...] = (),
) -> Identity:
    """Read the traits of an identify call, field by field.

    A trait that cannot be read is left out; `Identity.faults` names it, and the others count.

    Args:
        traits: as they were sent.
        customer_id: the customer they are about.
        message_id: the call's own id.
        at: when it was said.
        received_at: when it arrived; None: when the store hears it.
        context: the call's context; its locale and time zone count where no trait says otherwise.
        sure: see `Identity`.
        dated: see `Identity`.
        notes: what else of the call is left out.

    Returns:
        What the call says.

    Raises:
        BadCustomer: not one trait can be read; the path of the first is like ``traits.phone``.
    """
    read = read_traits(traits)
    if read.tell_nothing:
        raise read.faults[0]
    return Identity(
        customer_id=customer_id,
        message_id=message_id,
        at=at,
        card=read.card,
        attributes=read.attributes,
        consents=read.consents,
        statements=tuple(read.statements),
        received_at=received_at,
        context=read_context(context),
        phone=read.phone,
        phone2=read.phone2,
        faults=tuple(read.faults),
        left=read.left,
        sure=sure,
        dated=dated,
        notes=notes,
        device=read_device(context),
    )


def read_phone_of(customer: Customer, written: str, trait: str = "phone") -> str:
    """Return the number of a call that names no country, read by the customer's own.

    Args:
        customer: as known, this call included.
        written: the number, as it was sent.
        trait: that told it.

    Returns:
        The number as E.164.

    Raises:
        BadCustomer: nothing tells the country, or it has no such number.
    """
    countries = [
        *countries_of(customer.attributes),
        region(customer.locale),
        *(country_of(number) for number in (customer.phone, customer.phone2) if number),
    ]
    for country in filter(None, countries):
        try:
            return read_phone(written, country, certain=False)
        except NoCountry:
            continue
        except NotAPhone as error:
            raise BadCustomer(f"traits.{trait}", str(error)) from None
    raise BadCustomer(
        f"traits.{trait}",
        "names no country, and no locale or address of the customer does; "
        "write it as +39 320 1234567",
    )


ZONE_FIELDS = ("timezone", "phone", "phone2", "locale")
"""The fields of a card that tell the customer's time zone, most telling first."""


def home_zone(customer: Customer, default: str) -> str:
    """Return the customer's time zone: the given one, else that of the phone's or locale's country.

    A country whose clocks differ tells nothing, and ``default`` holds. An area code does not tell
    the zone: people keep their numbers when they move.
    """
    if customer.timezone:
        return customer.timezone
    countries = [region(customer.locale)]
    if written := customer.phone or customer.phone2:
        number = phonenumbers.parse(written)
        countries.insert(0, phonenumbers.region_code_for_number(number) or "")
    zones = one_time_countries()
    return next((zones[country] for country in countries if country in zones), default)


@lru_cache(maxsize=1)
def one_time_countries() -> dict[str, str]:
    """Return a time zone for each country whose clocks all agree (ISO 3166, Unicode CLDR)."""
    known = available_timezones()
    names: dict[str, list[str]] = {}
    for name, country in get_global("zone_territories").items():
        if name in known:
            names.setdefault(country, []).append(name)
    return {
        country: min(zones) for country, zones in names.items() if len(set(map(_year, zones))) == 1
    }


def _year(name: str) -> tuple[timedelta | None, ...]:
    """Return a zone's offsets over a year: zones that share them show the same time."""
    return tuple(
        datetime(2024, month, 15, tzinfo=UTC).astimezone(zone(name)).utcoffset()
        for month in range(1, 13)
    )
