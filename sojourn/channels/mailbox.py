"""E-mail addresses in the form that mail servers take: with the domain in ASCII."""

from email_validator import EmailNotValidError, validate_email

from sojourn.domain.errors import UnsupportedAddress


def mailbox(address: str) -> str:
    """Return an address with its domain in ASCII.

    ``ada@bücher.example`` becomes ``ada@xn--bcher-kva.example`` (RFC 5890).

    Args:
        address: an e-mail address; an ASCII one is returned unchanged.

    Returns:
        The address. The part before the @ is unchanged; letters outside ASCII there need SMTPUTF8
            (RFC 6531).

    Raises:
        UnsupportedAddress: the address is invalid.
    """
    if address.isascii():
        return address
    try:
        valid = validate_email(
            address, check_deliverability=False, allow_quoted_local=True, test_environment=True
        )
    except EmailNotValidError:
        raise UnsupportedAddress("no mail can be sent to an address of this form") from None
    return f"{valid.local_part}@{valid.ascii_domain}"


def ascii_mailbox(address: str) -> str:
    """Return an address in ASCII, for providers that take no others.

    Args:
        address: an e-mail address.

    Returns:
        The address, with its domain in ASCII.

    Raises:
        UnsupportedAddress: the address is invalid, or has letters outside ASCII before the @.
    """
    written = mailbox(address)
    if not written.isascii():
        raise UnsupportedAddress(
            "letters outside ASCII before the @: this provider takes none, an SMTP server that "
            "offers SMTPUTF8 does"
        )
    return written
