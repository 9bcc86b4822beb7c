"""Spellings of addresses: which of them are the same address."""

import re

from sojourn.domain.messages import Channel

_NO_DIGIT = re.compile(r"\D", re.ASCII)


def normalised(channel: Channel, address: str) -> str:
    """Return the one spelling by which an address is compared; empty if it is no address.

    Few mailboxes tell capitals from small letters (RFC 5321 lets them). A phone number comes as
    ``+39333...``, ``39333...`` or ``whatsapp:+39333...``. Device tokens stay as they are.

    Args:
        channel: tells the kind of the address.
        address: as a customer's card, the ledger or a provider has it.
    """
    match channel:
        case Channel.EMAIL:
            return address.strip().lower()
        case Channel.SMS | Channel.WHATSAPP:
            digits = _NO_DIGIT.sub("", address)
            return f"+{digits}" if digits else ""
        case Channel.PUSH:
            return address
