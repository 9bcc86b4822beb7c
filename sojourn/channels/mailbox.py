"""E-mail addresses as mail servers take them: with the domain in ASCII."""

from email_validator import EmailNotValidError, validate_email

from sojourn.domain.errors import UnsupportedAddress


def mailbox(address: str) -> str:
    """Return an address with its domain in ASCII.

    ``ada@bücher.example`` becomes ``ada@xn--bcher-kva.example`` (RFC 5890).

    Args:
        address: an e-mail address; one in ASCII stays as it is.

    Returns:
        The address. The part before the @ keeps its letters; only SMTPUTF8 carries others than
        ASCII there (RFC 6531).

    Raises:
        UnsupportedAddress: no server could be found for it.
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
    """Return an address in ASCII, for providers that take no other.

    Args:
        address: an e-mail address.

    Returns:
        The address, with its domain in ASCII.

    Raises:
        UnsupportedAddress: it has other letters before the @.
    """
    written = mailbox(address)
    if not written.isascii():
        raise UnsupportedAddress(
            "letters outside ASCII before the @: this provider takes none, an SMTP server that "
            "offers SMTPUTF8 does"
        )
    return written
