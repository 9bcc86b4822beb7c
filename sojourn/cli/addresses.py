"""Addresses as operators type them, and as their files have them."""

from sojourn.domain.emails import read_email
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel
from sojourn.domain.phones import NotAPhone, read_phone

_LONGEST = 4096


def read_address(channel: Channel, written: str) -> str:
    """Read an address of a channel.

    Args:
        channel: the channel, which determines the kind of address.
        written: an e-mail address, a number with its country code, or a device token.

    Returns:
        The address, as cards have it.

    Raises:
        BadInput: it is no address; the text says why, without quoting it.
    """
    text = written.strip()
    try:
        match channel:
            case Channel.EMAIL:
                return read_email(text)
            case Channel.SMS | Channel.WHATSAPP:
                return read_phone(text if text.startswith(("+", "00", "whatsapp:")) else f"+{text}")
            case Channel.PUSH:
                if not text or len(text) > _LONGEST or any(not c.isprintable() for c in text):
                    raise ValueError("is not a device token")
                return text
    except NotAPhone as error:
        raise BadInput(f"the number {error}") from None
    except ValueError as error:
        raise BadInput(f"the address {error}") from None
