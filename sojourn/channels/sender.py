"""The From header of an e-mail."""

from email.headerregistry import Address
from email.utils import formataddr

from sojourn.settings import Settings


def from_header(settings: Settings, *, ascii_only: bool = False) -> str:
    """Return the shop's name and address as one From header.

    A name with special characters is quoted (RFC 5322, 3.4); other names stay bare.

    Args:
        settings: name the shop and its address.
        ascii_only: write a name outside of ASCII as an encoded word (RFC 2047). Providers that take
            JSON or forms want the name itself, and encode it on their way out.
    """
    name = " ".join(settings.shop_name.split())  # a line break would begin another header
    if ascii_only and not name.isascii():
        return formataddr((name, settings.from_email))
    return str(Address(name, addr_spec=settings.from_email))
