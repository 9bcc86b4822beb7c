"""The From header of an e-mail."""

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import formataddr

from sojourn.channels.mailbox import mailbox
from sojourn.domain.errors import AccountError, UnsupportedAddress
from sojourn.settings import Settings


def sender(settings: Settings) -> str:
    """Return the shop's address, with its domain in ASCII.

    Raises:
        AccountError: ``SOJOURN_FROM_EMAIL`` is not an address.
    """
    try:
        written = mailbox(settings.from_email)
        Address(addr_spec=written)
    except (UnsupportedAddress, HeaderParseError, ValueError, IndexError):
        raise AccountError("SOJOURN_FROM_EMAIL is not an e-mail address") from None
    return written


def from_header(settings: Settings, *, ascii_only: bool = False) -> str:
    """Return the shop's name and address as one From header.

    A name with special characters is quoted (RFC 5322, 3.4); other names are not.

    Args:
        settings: the settings with the shop's name and address.
        ascii_only: write a name outside ASCII as an encoded word (RFC 2047). Providers that take
            JSON or forms want the plain name, and encode it themselves.

    Returns:
        The text of the header.

    Raises:
        AccountError: ``SOJOURN_FROM_EMAIL`` is not an address.
    """
    address = sender(settings)
    name = " ".join(settings.shop_name.split())  # a line break would begin another header
    if ascii_only and not name.isascii():
        return formataddr((name, address))
    return str(Address(name, addr_spec=address))
