"""The addresses of a card, as statements of consent are about them."""

from sojourn.domain.messages import Channel
from sojourn.store.tables import CustomerRow


def address_of(row: CustomerRow, channel: Channel) -> str:
    """Return the first address on a card for a channel; empty if there is none."""
    match channel:
        case Channel.EMAIL:
            return row.email
        case Channel.SMS | Channel.WHATSAPP:
            return row.phone or row.phone2
        case Channel.PUSH:
            return row.push_token


def addresses_of(row: CustomerRow, channel: Channel) -> tuple[str, ...]:
    """Return every address on a card that a channel may write to; two numbers may be the same."""
    if channel in (Channel.SMS, Channel.WHATSAPP):
        return tuple(filter(None, (row.phone, row.phone2)))
    return tuple(filter(None, [address_of(row, channel)]))
