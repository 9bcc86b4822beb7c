"""Replies that ask us to stop, to go on, or for help: by any reasonable words, in three languages.

The FCC lets people revoke consent "in any reasonable manner", and names stop, quit, end, revoke,
opt out, cancel and unsubscribe (47 CFR 64.1200(a)(10)); the GDPR wants a "no" to be as easy as the
"yes" was (article 7). Carriers and providers know their own few words, and only as a whole message:
all of them miss "STOP PLEASE".

A reply asks to stop

- if nothing else is in it: "Please stop!", "Basta, grazie";
- if one of its sentences says nothing else: "Stop. I never signed up for this";
- if it has the words of such a wish anywhere: "who are you, take me off your list".

"Where does the bus stop?", "non-stop" and "don't stop" ask for nothing. Where a reply is not clear,
it asks to stop: a customer who is not written to can say START, and one who is written to against
their will cannot take that back. The words of such a reply are for a person to read as well.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 10
"""The most words of a command and the courtesies around it."""
MOST_WORDS = 200
"""Words of a reply that are read; a longer one is read in part."""


class Meaning(StrEnum):
    """The wish of a reply."""

    STOP = "stop"
    """No more promotional messages by this channel."""
    START = "start"
    """Takes a stop back."""
    HELP = "help"
    """Asks who writes, and how to stop it."""
    OTHER = "other"
    """Something for a person, or a journey, to read."""


@dataclass(frozen=True)
class Reply:
    """A reply, as it is understood.

    Args:
        meaning: its wish.
        language: of the command, if its word is of one language alone; else empty.
        says_more: it has words beside the command, which a person should read.
    """

    meaning: Meaning
    language: str = ""
    says_more: bool = False


OTHER = Reply(Meaning.OTHER)

_STOP: Mapping[str, str] = {
    "": """
        stop; stopp; stopall; stop all; stop it; arret; arreter; baja; abmelden; desabonner; parar
    """,
    "en": """
        unsubscribe; unsub; unsubscribed; unsuscribe; unsubcribe; unsubscibe; sotp; stpo; end; quit
        revoke; cancel; optout; opt out; opt me out; remove; remove me; take me off; delete me
        no more; enough; leave me alone; do not text; dont text; do not contact; dont contact
        do not message; dont message; go away; stop spamming
    """,
    "it": """
        annulla; cancellami; cancella iscrizione; cancellate; cancellatemi; basta; disiscrivi
        disiscrivimi; disiscrivetemi; disiscrizione; disiscrivermi; rimuovi; rimuovimi; rimuovetemi
        smettila; smettetela; smettete; smetti; non scrivetemi; non scrivermi; non voglio; fermati
        fermatevi; toglimi; toglietemi; sospendi; sospendere; interrompi; interrompere; disattiva
        disattivare; disdici; disdire
    """,
    "pl": """
        rezygnuje; rezygnacja; wypisz; wypiszcie; wypisuje sie; wypisac; koniec; usun; usuncie; dosc
        przestan; przestancie; przestac; anuluj; nie pisz; nie piszcie; nie pisac; nie chce
        zatrzymaj; zatrzymajcie; zatrzymac; zakoncz; zakonczcie; wystarczy; odsubskrybuj; odczep sie
        odczepcie sie; wylacz; wylaczcie; nie wysylaj; nie wysylajcie; nie wysylac
    """,
}
"""Commands, folded as `folded` folds, by language; those of several languages first."""

_START: Mapping[str, str] = {
    "": "start",
    "en": "unstop; restart; resume; subscribe; resubscribe; opt in; optin; opt me in",
    "it": """
        riprendi; riprendere; riprendete; riattiva; riattivate; riattivami; riattivare; attiva
        attivare; iscrivimi; iscrivetemi; inizia; ricomincia; ricominciate
    """,
    "pl": """
        aktywuj; aktywujcie; aktywacja; wznow; wznowcie; zacznij; zapisz mnie; zapiszcie mnie; wlacz
        wlaczcie; przywroc; przywroccie
    """,
}

_HELP: Mapping[str, str] = {
    "": "info",
    "en": "help; help me; information",
    "it": "aiuto; aiutami; aiutatemi; informazioni",
    "pl": "pomoc; pomocy; pomozcie; informacje; informacja",
}

_AROUND = """
    please; pls; plz; now; thanks; thank you; thx; ok; okay; hi; hello; i want to; i would like to
    to; it; this; these; me; my; number; texting; texts; text; sms; messaging; messages; message
    sending; from; your; list; the; and; all; immediately; everything; promotions; promotion
    marketing; offers; spam; spamming; newsletter; ads; anymore; any more; again; at once; just
    can you; could you; would you

    per favore; per piacere; per cortesia; prego; grazie; mille; subito; ciao; vi prego; ti prego
    messaggi; i; gli; agli; ai; questi; con; piu; tutto; di; da; dalla; lista; mandare; mandarmi
    inviare; inviarmi; scrivere; scrivermi; voglio; ricevere; numero; mio; il; invio; promozioni
    pubblicita; offerte; adesso; ora; vi

    prosze; dziekuje; dzieki; juz; mnie; moj; numer; z; listy; o; wysylanie; wysylania; wiadomosci
    wiecej; do; otrzymywac; wysylac; pisac; tych; te; sie; mi; promocji; reklam; reklamy; ofert
    smsy; smsow; spamu; teraz; natychmiast; bardzo; chce
"""
"""Words that can stand around a command without changing its meaning. "Subscription" is not among
them: "cancel my subscription" may mean a product of the shop, and is for a person to read."""

_WEAK = frozenset(
    """
    end; quit; cancel; remove; no more; enough; annulla; basta; cancellate; rimuovi; non voglio
    sospendi; sospendere; interrompi; interrompere; disattiva; disattivare; disdici; disdire; koniec
    usun; usuncie; dosc; anuluj; nie chce; zakoncz; zakonczcie; wystarczy; wylacz; wylaczcie
    zatrzymaj; zatrzymajcie; zatrzymac; nie wysylaj; nie wysylajcie; nie wysylac; revoke; rezygnuje
    rezygnacja; go away; smettila; baja; parar; arret; arreter; fermati; stop it
    """.replace("\n", ";").split(";")
)
"""Commands that mean us if they are all of a message; in a sentence of a longer one they may mean
an order, a parcel or a joke."""

_SIGNS = "\U0001f6d1\U0001f6ab\u26d4"
"""Stop signs, which ask for it without a word."""

_OF_US = r"(?:texts?|messages?|sms|offers?|ads|spam|promos?|promotions?|newsletters?)"
_DI_NOI = r"(?:messaggi\w*|sms|pubblicita|promozioni|offerte|comunicazioni|newsletter|spam)"
_OD_NAS = r"(?:wiadomosci\w*|sms\w*|reklam\w*|ofert\w*|promocji|newsletter\w*|spam\w*)"
_NOT = r"(?<!dont )(?<!not )(?<!never )(?<!did you )(?<!have you )(?<!non )(?<!nie )(?<!didnt )"

_PHRASES: Mapping[str, tuple[str, ...]] = {
    "en": (
        rf"{_NOT}(?:stop|quit|cease) (?:sending|texting|messaging|spamming|contacting|bothering)",
        rf"{_NOT}(?:stop|quit|cease) (?:all )?(?:these |this |the |your )?{_OF_US}",
        rf"{_NOT}unsub(?:scribe)? (?:me|us|my number|from)",
        rf"{_NOT}(?:want|wish|like|need|trying|do i|can i) (?:to )?(?:unsubscribe|opt out|unsub)",
        rf"{_NOT}opt(?:ing)? (?:me )?out",
        rf"{_NOT}(?:take|remove|delete) (?:me|us|my (?:number|phone)) (?:off|from)",
        r"(?:dont|do not|never) (?:ever )?(?:text|message|contact|spam|bother|write) "
        r"(?:to )?(?:me|us|this|my|again|anymore|any more)",
        rf"(?:dont|do not|never) send (?:me |us )?(?:any |more |any more |these |this )*{_OF_US}",
        r"leave me alone",
        rf"no more (?:of )?(?:these |this |your )?{_OF_US}",
        rf"(?:dont|do not) (?:want|need) (?:\w+ ){{0,4}}?{_OF_US}",
        r"(?:dont|do not) want (?:you )?to (?:be (?:contacted|texted|messaged)|text|contact)",
        r"(?:revoke|withdraw) (?:my |all )?consent",
    ),
    "it": (
        rf"{_NOT}(?:smett\w+|basta|stop|finitela) (?:subito |di |con |coi |i |gli |agli |ai )*"
        rf"(?:{_DI_NOI}|scriver\w*|mandar\w*|inviar\w*|contattar\w*|disturbar\w*)",
        r"non (?:scrivetemi|scrivermi|contattatemi|contattarmi|disturbatemi|disturbarmi)",
        r"non mi (?:scrivete|scrivere|scriva|contattate|contattare|disturbate|disturbare)",
        rf"non (?:mi )?(?:mandat\w+|mandarmi|mandare|inviat\w+|inviarmi|inviare) "
        rf"(?:piu|altri|altre|nulla|niente|{_DI_NOI})",
        rf"{_NOT}(?:cancell|togli|rimuov|elimin|disiscriv)\w*mi(?:\b|$)",
        r"(?:cancell|togli|rimuov|elimin)\w* (?:il )?mio numero",
        rf"{_NOT}(?:mi )?disiscriv\w+",
        rf"non (?:voglio|desidero|intendo|vorrei) (?:\w+ ){{0,4}}?{_DI_NOI}",
        r"non (?:voglio|desidero) (?:piu )?essere contattat\w+",
        r"(?:revoco|ritiro) (?:il )?(?:mio )?consenso",
    ),
    "pl": (
        rf"{_NOT}(?:przestan|przestancie|przestac|skonczcie|zaprzestan\w*|zatrzymaj\w*|stop) "
        rf"(?:\w+ ){{0,2}}?(?:pisa\w+|wysyl\w+|przysyl\w+|nekac|{_OD_NAS})",
        r"nie (?:pisz|piszcie|pisac|kontaktuj\w*|kontaktowac) "
        r"(?:\w+ ){0,2}?(?:do mnie|wiecej|juz|ze mna)",
        rf"nie (?:wysyl\w+|przysyl\w+) (?:\w+ ){{0,2}}?(?:wiecej|juz|{_OD_NAS})",
        rf"(?:wiecej|juz) nie (?:pis\w+|przysyl\w+|wysyl\w+ (?:mi )?{_OD_NAS})",
        rf"nie (?:chce|zycze sobie|chcial\w+) (?:\w+ ){{0,4}}?{_OD_NAS}",
        rf"{_NOT}(?:wypisz\w*|wypisac|usun\w*|skresl\w*) (?:\w+ )?(?:mnie|sie|moj numer)",
        rf"{_NOT}(?:chce|chcial\w+|jak) (?:\w+ )?(?:sie )?wypisac",
        rf"{_NOT}rezygnuje z (?:otrzymywania|subskrypcji|{_OD_NAS})",
        r"(?:wycofuje|cofam) (?:moja )?zgode",
    ),
}
"""Words that say in any message that its sender wants to hear nothing more."""


def read_reply(text: str) -> Reply:
    """Understand a reply.

    Args:
        text: in English, Italian or Polish; with or without accents.

    Returns:
        The reply's meaning.
    """
    words = folded(text)
    if not words:
        return Reply(Meaning.STOP) if any(sign in text for sign in _SIGNS) else OTHER
    for meaning, commands in _COMMANDS.items():
        found = command(words, commands)
        if found is not None:
            return Reply(meaning, _language(found, commands))
    for sentence in _sentences(text):
        found = command(folded(sentence), _STRONG)
        if found is not None:
            return Reply(Meaning.STOP, _language(found, _STRONG), says_more=True)
    if _shouts(text):
        return Reply(Meaning.STOP, says_more=True)
    said = " ".join(words)
    for language, phrases in _WISHES.items():
        if phrases.search(said):
            return Reply(Meaning.STOP, language, says_more=True)
    return OTHER


def asks_to_stop(text: str) -> bool:
    """Tell whether a reply says that its sender wants no more of our messages.

    Args:
        text: a reply, in English, Italian or Polish; with or without accents.
    """
    return read_reply(text).meaning is Meaning.STOP


Piece = tuple[str, ...]
Commands = Mapping[Piece, str]


def command(words: Piece, commands: Commands) -> list[Piece] | None:
    """Return the commands in words if only courtesies stand around them; None if more does."""
    if len(words) > LONGEST:
        return None
    return next((found for found in _parses(words, commands) if found), None)


def _parses(words: Piece, commands: Commands) -> Iterator[list[Piece]]:
    if not words:
        yield []
        return
    for length in range(min(_LONGEST_PIECE, len(words)), 0, -1):
        piece, rest = words[:length], words[length:]
        if piece in commands:
            yield from ([piece, *found] for found in _parses(rest, commands))
        if piece in _FILLERS:
            yield from _parses(rest, commands)


def _language(found: list[Piece], commands: Commands) -> str:
    languages = {commands[piece] for piece in found} - {""}
    return languages.pop() if len(languages) == 1 else ""


def _sentences(text: str) -> list[str]:
    parts = re.split(r"[.!?;,:\n\u2026]+|\s[-\u2013\u2014]+\s", text[: MOST_WORDS * 20])
    return [part for part in parts if part.strip()]


def _shouts(text: str) -> bool:
    """Tell whether a message begins with a command in capitals, and goes on in small letters."""
    first, _, rest = text.strip().partition(" ")
    bare = first.strip(".,!?:;\"'*-")
    return bare in _SHOUTED and bool(re.search(r"[a-z]", rest))


def folded(text: str) -> Piece:
    """Return the words, without case, accents, punctuation, stretching and repetition."""
    flat = unicodedata.normalize("NFKD", text[: MOST_WORDS * 20].casefold()).replace("ł", "l")
    bare = "".join(one for one in flat if unicodedata.category(one) not in ("Mn", "Cf"))
    bare = re.sub(r"n['\u2019\u02bc`\u00b4 ]?t\b", "nt", bare)  # don't, don t
    bare = re.sub(r"([^\W\d_])\1{2,}", r"\1", bare)  # stoppp
    words = re.findall(r"[^\W_]+", bare)[:MOST_WORDS]
    if len(words) > 1 and all(len(word) == 1 for word in words):
        words = ["".join(words)]  # S T O P
    return tuple(word for n, word in enumerate(words) if n == 0 or words[n - 1] != word)


def pieces(table: str) -> list[Piece]:
    """Return the pieces of a table, which stand on lines or between semicolons."""
    return [tuple(piece.split()) for piece in re.split(r"[;\n]", table) if piece.strip()]


def _by_piece(tables: Mapping[str, str]) -> Commands:
    return {piece: language for language, table in tables.items() for piece in pieces(table)}


_COMMANDS: Mapping[Meaning, Commands] = {
    Meaning.STOP: _by_piece(_STOP),
    Meaning.START: _by_piece(_START),
    Meaning.HELP: _by_piece(_HELP),
}
_WEAKER = {tuple(words.split()) for words in _WEAK}
_STRONG = {p: lang for p, lang in _COMMANDS[Meaning.STOP].items() if p not in _WEAKER}
_FILLERS = frozenset(pieces(_AROUND))
_LONGEST_PIECE = max(len(p) for p in (*_FILLERS, *(q for c in _COMMANDS.values() for q in c)))
_SHOUTED = frozenset({"STOP", "STOPP", "UNSUBSCRIBE", "BASTA", "ZATRZYMAJ", "WYPISZ", "ZATRZYMAĆ"})
_WISHES = {
    language: re.compile(r"\b(?:" + "|".join(phrases) + r")(?=\s|$|\b)")
    for language, phrases in _PHRASES.items()
}
