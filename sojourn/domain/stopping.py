"""Replies that ask us to stop, by any reasonable words, not by a closed list of commands.

The FCC lets people revoke consent "in any reasonable manner", and names stop, quit, end, revoke,
opt out, cancel and unsubscribe (47 CFR 64.1200(a)(10)). Carriers and providers know their own few
words, and only as a whole message: all of them miss "STOP PLEASE".

This module judges the whole message. "Please stop!" is a request, "Where does the bus stop?" is
not. START and UNSTOP are replies like any other: lifting a carrier's block is no consent to be
written to.
"""

import re
import unicodedata

LONGEST = 8
"""The most words of a request to stop; a longer message is for a person to read."""

_STOP = """
    stop; stopp; stopall; stop all; unsubscribe; unsub; unsubscribed; end; quit; revoke; cancel
    optout; opt out; opt me out; arret; remove; remove me; take me off; delete me; no more; enough
    leave me alone; do not text; dont text; don t text; do not contact; dont contact; don t contact

    annulla; cancellami; cancella iscrizione; cancellate; cancellatemi; basta; disiscrivi
    disiscrivimi; disiscrivetemi; disiscrizione; rimuovi; rimuovimi; rimuovetemi; smettila
    smettetela; smettete; non scrivetemi; non scrivermi; non voglio

    rezygnuje; rezygnacja; wypisz; wypiszcie; wypisuje sie; koniec; usun; usuncie; dosc; przestan
    przestancie; anuluj; nie pisz; nie piszcie; nie chce
"""
"""Words that ask for it, folded as `_words` folds."""

_AROUND = """
    please; pls; plz; now; thanks; thank you; thx; ok; hi; hello; i want to; i would like to; to; it
    this; these; me; my; number; texting; texts; text; sms; messaging; messages; message; sending
    from; your; list; the; and; all; immediately; everything; promotions; promotion; marketing
    offers; spam; newsletter; ads

    per favore; prego; grazie; subito; ciao; vi prego; ti prego; messaggi; i; piu; tutto; di; dalla
    lista; mandare; scrivermi; voglio; ricevere; numero; mio; il; promozioni; pubblicita; offerte

    prosze; dziekuje; dzieki; juz; mnie; moj; numer; z; listy; o; wysylanie; wiadomosci; wiecej; do
    otrzymywac; wysylac; tych; sie; promocji; reklam; ofert
"""
"""Words that can stand around a request without changing its meaning. "Subscription" is not among
them: "cancel my subscription" may mean a product of the shop, and is for a person to read."""


def asks_to_stop(text: str) -> bool:
    """Tell whether a message as a whole says that its sender wants no more of ours.

    Args:
        text: a reply, in English, Italian or Polish; with or without accents.
    """
    words = _words(text)
    return len(words) <= LONGEST and _asks(words)


def _asks(words: tuple[str, ...], asked: bool = False) -> bool:
    """Tell whether requests and the words around them make up all of the message."""
    if not words:
        return asked
    return any(
        _asks(words[length:], asked or words[:length] in _REQUESTS)
        for length in range(1, min(_LONGEST_PIECE, len(words)) + 1)
        if words[:length] in _REQUESTS or words[:length] in _FILLERS
    )


def _words(text: str) -> tuple[str, ...]:
    """Return the words, without case, accents, punctuation and immediate repetition."""
    folded = unicodedata.normalize("NFKD", text.casefold()).replace("ł", "l")
    bare = "".join(one for one in folded if unicodedata.category(one) not in ("Mn", "Cf"))
    words = re.findall(r"[^\W_]+", bare)
    return tuple(word for n, word in enumerate(words) if n == 0 or words[n - 1] != word)


def _pieces(table: str) -> frozenset[tuple[str, ...]]:
    pieces = re.split(r"[;\n]", table)
    return frozenset(tuple(piece.split()) for piece in pieces if piece.strip())


_REQUESTS = _pieces(_STOP)
_FILLERS = _pieces(_AROUND)
_LONGEST_PIECE = max(len(piece) for piece in _REQUESTS | _FILLERS)
