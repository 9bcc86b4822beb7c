"""Spellings of addresses: which of them are the same address."""

import re

from sojourn.domain.emails import canonical
from sojourn.domain.messages import Channel

_NO_DIGIT = re.compile(r"\D", re.ASCII)
_MEXICO = re.compile(r"52(?:1)?(\d{10})")
_ARGENTINA = re.compile(r"54(?:9)?(\d{10})")
_BRAZIL = re.compile(r"55(\d\d)9?([6-9]\d{7})")


def normalised(channel: Channel, address: str) -> str:
    """Return the one spelling by which an address is compared; empty if it is no address.

    Few mailboxes tell capitals from small letters (RFC 5321 lets them). A phone number comes as
    ``+39333...``, ``39333...`` or ``whatsapp:+39333...``; WhatsApp keeps numbers of Brazil, Mexico
    and Argentina as they were dialled years ago, with or without the digit that marks a mobile
    phone. Device tokens stay as they are.

    Args:
        channel: tells the kind of the address.
        address: as a customer's card, the ledger or a provider has it.
    """
    match channel:
        case Channel.EMAIL:
            return canonical(address)
        case Channel.SMS | Channel.WHATSAPP:
            return _number(_NO_DIGIT.sub("", address))
        case Channel.PUSH:
            return address


def spellings(channel: Channel, address: str) -> frozenset[str]:
    """Return every spelling in which an address may stand in older rows and on cards."""
    same = normalised(channel, address)
    match channel:
        case Channel.EMAIL:
            return frozenset({same, address, address.strip().lower()} - {""})
        case Channel.SMS | Channel.WHATSAPP:
            digits = _NO_DIGIT.sub("", address)
            plain = f"+{digits}" if digits else ""
            return frozenset({same, address, plain, *_other_ways(same.removeprefix("+"))} - {""})
        case Channel.PUSH:
            return frozenset({address} - {""})


def _number(digits: str) -> str:
    if found := _MEXICO.fullmatch(digits):
        return f"+52{found[1]}"
    if found := _ARGENTINA.fullmatch(digits):
        return f"+549{found[1]}"
    if found := _BRAZIL.fullmatch(digits):
        return f"+55{found[1]}9{found[2]}"
    return f"+{digits}" if digits else ""


def _other_ways(digits: str) -> tuple[str, ...]:
    """Return how the digits of `_number` are written without, or with, the mobile digit."""
    if found := _MEXICO.fullmatch(digits):
        return (f"+521{found[1]}",)
    if found := _ARGENTINA.fullmatch(digits):
        return (f"+54{found[1]}",)
    if found := _BRAZIL.fullmatch(digits):
        return (f"+55{found[1]}{found[2]}",)
    return ()
