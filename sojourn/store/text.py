"""Words of others, as every database takes them."""

LONGEST = 500


def writable(text: str) -> str:
    """What a provider or an operator said: some answer in Latin-1, and PostgreSQL takes no NUL."""
    return text.encode(errors="replace").decode().replace("\0", "?")[:LONGEST]
