"""Text of others: as every database takes it, and short enough to be an id."""

import hashlib

LONGEST_NOTE = 500
"""Characters that are kept of what a provider or an operator said."""


def writable(text: str, longest: int | None = None) -> str:
    """Return ``text`` as every database takes it.

    Some providers answer in Latin-1, which leaves halves of surrogate pairs, and PostgreSQL takes
    no NUL: both become question marks.

    Args:
        text: what a provider, a customer or an operator said.
        longest: characters to keep; None keeps all.

    Returns:
        Valid Unicode without NUL, at most ``longest`` characters.
    """
    return text.encode(errors="replace").decode().replace("\0", "?")[:longest]


def digest(text: str) -> str:
    """Return 64 hex digits that tell ``text`` from every other one (SHA-256)."""
    return hashlib.sha256(text.encode()).hexdigest()


def bounded(text: str, longest: int, *, prefix: str = "") -> str:
    """Return an id as it is, or a digest in the place of one that is too long.

    Args:
        text: the id.
        longest: characters an id may have.
        prefix: put before the digest, so that people see what it is about.

    Returns:
        ``text``, or ``prefix`` and the digest of ``text``.
    """
    return text if len(text) <= longest else prefix + digest(text)
