"""Whether a customer's reply asks us to stop writing.

The eight words are those that carriers act on; the law wants any reasonable words honoured, so a
polite or emphatic one counts, too (USA: 47 CFR 64.1200(a)(10)).
"""

import re

_STOP = frozenset(
    {"stop", "stopall", "unsubscribe", "end", "quit", "revoke", "optout", "cancel", "opt out"}
)
_AROUND = frozenset(
    {"please", "pls", "now", "all", "thanks", "thank", "you", "me", "it", "this", "these"}
    | {"message", "messages", "promotions", "marketing", "texts", "messaging", "texting"}
)
_WORD = re.compile(r"[^\W\d_]+")


def is_stop(text: str) -> bool:
    """Whether a reply is a stop word, with nothing around it that changes its meaning.

    Args:
        text: as the customer wrote it.
    """
    words = [word for word in _WORD.findall(text.casefold()) if word not in _AROUND]
    return " ".join(words) in _STOP
