"""Whether a reply asks us to stop: by any reasonable words, not by a closed list of commands.

The FCC lets people revoke consent "in any reasonable manner", and names stop, quit, end, revoke,
opt out, cancel and unsubscribe (47 CFR 64.1200(a)(10)). Carriers and providers know their own few
words and only if they stand alone: "STOP PLEASE" passes all of them by.

The whole message is judged. "Please stop!" asks for it, "Where does the bus stop?" does not.
START and UNSTOP are no words of ours: they are replies like any other, because lifting a carrier's
block is not consent to be written to.
"""

import re
import unicodedata

LONGEST = 8
"""Words that a request to stop has at most; longer messages are for people to read."""

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
"""What asks for it, folded as `_words` folds."""

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
"""What can stand around it without changing what is meant. Not "subscription": who writes "cancel
my subscription" may mean what the shop sells, which is for people to read."""


def asks_to_stop(text: str) -> bool:
    """Whether a message as a whole says that its sender wants no more of ours.

    Args:
        text: a reply, in English, Italian or Polish; with or without accents.
    """
    words = _words(text)
    return len(words) <= LONGEST and _asks(words)


def _asks(words: tuple[str, ...], asked: bool = False) -> bool:
    """Whether nothing is left when requests and what surrounds them are taken off the front."""
    if not words:
        return asked
    return any(
        _asks(words[length:], asked or words[:length] in _REQUESTS)
        for length in range(1, min(_LONGEST_PIECE, len(words)) + 1)
        if words[:length] in _REQUESTS or words[:length] in _FILLERS
    )


def _words(text: str) -> tuple[str, ...]:
    """The words, without case, accents, punctuation and immediate repetition."""
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
