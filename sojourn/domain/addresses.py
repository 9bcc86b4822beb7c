"""When two spellings of an address are one address."""

import re

from sojourn.domain.messages import Channel

_NO_DIGIT = re.compile(r"\D", re.ASCII)


def normalised(channel: Channel, address: str) -> str:
    """The one spelling of an address by which it is compared; empty if it is none.

    Args:
        channel: says of what kind the address is.
        address: as a customer's card, the ledger or a provider has it. Only few mailboxes tell
            capitals from small letters (RFC 5321 lets them), and a phone number comes as
            ``+39333...``, ``39333...`` or ``whatsapp:+39333...``. Device tokens stay as they are.
    """
    match channel:
        case Channel.EMAIL:
            return address.strip().lower()
        case Channel.SMS | Channel.WHATSAPP:
            digits = _NO_DIGIT.sub("", address)
            return f"+{digits}" if digits else ""
        case Channel.PUSH:
            return address
