"""`Card`: the data of a customer, at the head of `sojourn explain`."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from pydantic import BaseModel

from sojourn.domain.consent import Consents, Pair
from sojourn.domain.customer import Customer, home_zone
from sojourn.domain.messages import Channel
from sojourn.settings import Settings
from sojourn.store.tables import DeviceRow


class Reach(BaseModel):
    """One channel to the customer.

    Args:
        channel: the channel.
        address: masked; may be empty.
        second: the second number, masked; empty if there is none.
        consent: the customer's latest word on it; None if they never gave one.
        expired: the end of a consent that has run out; None if there is none.
        suppressed: nothing is sent to any of its addresses, not even transactional messages.
    """

    channel: Channel
    address: str
    consent: bool | None
    expired: datetime | None
    suppressed: bool
    second: str = ""


class KnownDevice(BaseModel):
    """A device of the customer.

    Args:
        token: its token, masked.
        platform: its platform, as its app says; may be empty.
        used: when a call last named it.
        gone: since when nothing is sent to it; None if it takes messages.
    """

    token: str
    platform: str
    used: datetime
    gone: datetime | None


class Card(BaseModel):
    """The data of a customer, with addresses masked.

    Args:
        customer_id: the id that holds everything.
        also: ids of the same person that were joined to this one.
        known: an identify call came in; without one nothing is sent.
        erased: the customer was erased.
        restricted: the customer's data are kept, but not used.
        timezone: the zone of the customer's clock.
        timezone_given: an identify call named the zone; otherwise phone and locale suggest it.
        locale: the locale as given; may be empty.
        channels: address and the latest word on promotional messages, by channel.
        refused: topics opted out of, as "cart" or "cart by sms".
        ran_out: topics with a consent that has run out, written as in ``refused``.
        snoozed_until: the end of the break from promotional messages that the customer asked for.
        in_care_until: the latest end of a time without promotional messages, while somebody looks
            after the customer.
        in_care_of: the journey that looks after the customer.
        least_days: by topic, the calendar days that the customer wants between two messages.
        opens: the customer's word on the measuring of opened e-mails; None if they gave none.
        devices: the devices that push messages go to, and those that are gone; newest use first.
    """

    customer_id: str
    also: list[str]
    known: bool
    erased: bool
    restricted: bool
    timezone: str
    timezone_given: bool
    locale: str
    channels: list[Reach]
    refused: list[str]
    ran_out: list[str]
    snoozed_until: datetime | None = None
    in_care_until: datetime | None = None
    in_care_of: str = ""
    least_days: dict[str, int] = {}
    opens: bool | None
    devices: list[KnownDevice] = []


def card_of(
    customer: Customer,
    ids: Sequence[str],
    consents: Consents,
    settings: Settings,
    *,
    suppressed: Collection[Channel],
    devices: Iterable[DeviceRow] = (),
) -> Card:
    """Collect the data of a customer.

    Args:
        customer: the customer, as the store has it.
        ids: every id that this person has had.
        consents: the latest word on each.
        settings: have the time zone for a customer who never named one.
        suppressed: the channels whose addresses get nothing any more.
        devices: every device of the customer.

    Returns:
        The card.
    """
    return Card(
        customer_id=customer.customer_id,
        also=[other for other in ids if other != customer.customer_id],
        known=customer.known,
        erased=customer.erased,
        restricted=customer.restricted,
        timezone=home_zone(customer, settings.timezone),
        timezone_given=bool(customer.timezone),
        locale=customer.locale,
        channels=[
            Reach(
                channel=channel,
                address=masked(customer.address(channel)),
                consent=consents.by_channel.get(channel),
                expired=consents.expired.get((channel, "")),
                suppressed=channel in suppressed,
                second=_second(customer, channel),
            )
            for channel in Channel
        ],
        refused=_named(consents.refused),
        ran_out=_named(pair for pair in consents.expired if pair[1]),
        snoozed_until=customer.snoozed_until,
        in_care_until=customer.in_care_until,
        in_care_of=customer.in_care_of,
        least_days={topic: days for topic, days in customer.least_days.items() if days},
        opens=consents.opens,
        devices=[
            KnownDevice(
                token=masked(row.token), platform=row.platform, used=row.used_at, gone=row.gone_at
            )
            for row in devices
        ],
    )


def _second(customer: Customer, channel: Channel) -> str:
    if channel is Channel.PUSH:  # devices are listed separately
        return ""
    return "".join(masked(one) for one in customer.addresses(channel)[1:])


def _named(pairs: Iterable[Pair]) -> list[str]:
    return sorted(f"{topic} by {channel}" if channel else topic for channel, topic in pairs)


def masked(address: str) -> str:
    """Mask an address: enough to recognise it, too little to use it: ``a***@example.com``."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return f"{address[:3]}***{address[-2:]}" if len(address) > 7 else "***" if address else ""
