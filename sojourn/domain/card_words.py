"""The words on the fields of a card: which of two counts, whatever the order in which they come."""

from datetime import datetime

from sojourn.domain.customer import Identity, Word

TRAIT = "traits."
"""The beginning of the names of fields that are no columns of a card."""
CONTEXT = "context of "
"""The beginning of a word's source, if the word comes from the context of a call."""


def heard_in(identity: Identity, at: datetime) -> dict[str, Word]:
    """Return the words of a call; its context speaks where its traits do not.

    Args:
        identity: the call.
        at: when it was said, and not later than it arrived.

    Returns:
        The words, by field.
    """
    given = {**identity.card, **{TRAIT + name: v for name, v in identity.attributes.items()}}
    context = {field: value for field, value in identity.context.items() if field not in given}
    return {
        **{field: Word(v, at, identity.message_id) for field, v in given.items()},
        **{field: Word(v, at, CONTEXT + identity.message_id) for field, v in context.items()},
    }


def newer(heard: dict[str, Word], *, than: dict[str, Word]) -> dict[str, Word]:
    """Return the words that outrank others; at the same moment, the one heard now counts.

    A trait outranks a context at any time, unless it took its field back.

    Args:
        heard: the words of one call.
        than: those that the card has.

    Returns:
        The words that the card takes.
    """
    return {
        field: word
        for field, word in heard.items()
        if field not in than or _outranks(word, than[field])
    }


def _outranks(word: Word, held: Word) -> bool:
    if _by_context(word) != _by_context(held) and word.value != "" != held.value:
        return _by_context(held)
    return word.at >= held.at


def _by_context(word: Word) -> bool:
    return word.source.startswith(CONTEXT)
