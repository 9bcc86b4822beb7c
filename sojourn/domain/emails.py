"""E-mail addresses: their syntax, and the one spelling by which they are stored and compared."""

from functools import lru_cache

from email_validator import EmailNotValidError, ValidatedEmail, validate_email


@lru_cache(maxsize=16_384)
def read_email(written: str) -> str:
    """Return an address in the spelling that is stored and sent to.

    The part before the @ stays as it is except for Unicode's normal form. The domain is in small
    letters and in ASCII, as the DNS knows it. No mailbox is looked up.

    Raises:
        ValueError: it lacks the syntax of RFC 5321 or 6531, or names more than one mailbox.
    """
    try:
        found = _parsed(written)
    except EmailNotValidError:
        raise ValueError("is not an e-mail address") from None
    # mail programs decode such a word in a header, and the mailbox becomes another one
    if "=?" in found.local_part:
        raise ValueError("is not an e-mail address")
    return f"{found.local_part}@{found.ascii_domain or found.domain}"


@lru_cache(maxsize=4096)
def is_email(address: str) -> bool:
    """Tell whether it is the bare address of exactly one mailbox."""
    try:
        read_email(address)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def canonical(written: str) -> str:
    """Return the one spelling by which an address is compared, for every writer.

    Providers write ``<ada@shop.example>`` and ``Ada <ada@shop.example>`` too. Few mailboxes tell
    capitals from small letters (RFC 5321 lets them).
    """
    text = written.strip()
    bare = text[1:-1] if text.startswith("<") and text.endswith(">") else text
    try:
        found = _parsed(bare, display_name=True)
    except EmailNotValidError:
        return text.lower()
    return f"{found.local_part}@{found.ascii_domain or found.domain}".lower()


def _parsed(written: str, *, display_name: bool = False) -> ValidatedEmail:
    return validate_email(
        written,
        check_deliverability=False,
        globally_deliverable=False,
        test_environment=True,
        allow_display_name=display_name,
    )
