"""The intent of a reply, as a journey may branch on it: yes, no, stop, where is my order, ...

The words of a reply are personal, and no history holds them. Its intent is not: it is one of seven
values, found when the reply arrives.

A "yes" is a yes if the reply says nothing else: "Yes please", "Sì, grazie", "Tak, potwierdzam". So
is a "no". "Yes, but at four", "yes and no" and "no problem" are `OTHER`, for a person to read:
a journey that acts on a plain yes must not act on a condition. A Polish "no" may mean "well, yes",
so by itself it is not an answer from somebody who speaks Polish.

"Where is my order?" is `ORDER` if it is all of a reply. With a number in it, a complaint or another
question it is for a person: a machine's answer would be about something else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sojourn.domain.asking_where import asks_where
from sojourn.domain.stopping import Meaning, command, folded, pieces, read_reply


class Intent(StrEnum):
    """The intent of a reply."""

    YES = "yes"
    NO = "no"
    STOP = "stop"
    """No more promotional messages by this channel; the refusal is recorded before anybody hears
    of the reply."""
    HELP = "help"
    NUMBER = "number"
    """A number of up to three digits, and nothing else: "how likely, from 0 to 10?"."""
    ORDER = "order"
    """A question about an order, and nothing else: where is it?"""
    OTHER = "other"
    """Something for a person to read."""


@dataclass(frozen=True)
class Said:
    """The intent of a reply, and the number where it is one."""

    intent: Intent
    number: int | None = None


_YES = """
    yes; y; yeah; yea; yep; yup; yes please; sure; sure thing; of course; certainly; absolutely
    definitely; confirm; confirmed; i confirm; i do; i am; correct; right; that is right; agreed
    i agree; deal; accept; accepted; i accept; sounds good; that works; works for me; perfect; great
    i will be there; ill be there; i will come; im in; count me in; why not; go ahead

    si; s; certo; certamente; va bene; daccordo; d accordo; confermo; confermato; confermata; esatto
    volentieri; assolutamente; assolutamente si; perfetto; ottimo; accetto; ci saro; ci sono; giusto
    ma certo; si certo; con piacere

    tak; t; jasne; pewnie; oczywiscie; zgoda; dobrze; potwierdzam; zgadzam sie; akceptuje; owszem
    chetnie; z checia; swietnie; bede; przyjde; zgadza sie; no tak; no pewnie; no jasne; dobra
"""
_NO = """
    no; n; nope; nah; no thank you; no thanks; not interested; im not interested
    i am not interested; cannot; cant; i cant; i cannot; i cant come; i cannot come
    cant make it; i cant make it
    i cannot make it; decline; declined; i decline; never; not now; not yet; not today; no way
    not at all; i do not; i dont; i wont; i will not; i refuse

    no grazie; non posso; purtroppo no; purtroppo non posso; non mi interessa; non sono interessato
    non sono interessata; assolutamente no; negativo; mai; rifiuto; non confermo; non vengo
    non ci saro; non accetto; non ora; non adesso; per ora no; no purtroppo

    nie; nie dziekuje; nie moge; niestety nie; niestety nie moge; odmawiam; nie potwierdzam
    nie zgadzam sie; nie jestem zainteresowany; nie jestem zainteresowana; nie przyjde; nie bede
    nie akceptuje; nie teraz; jeszcze nie; nigdy; no nie
"""
_OK = "ok; okay; okej; oki; k; fine; good"
"""A yes by themselves; beside other words they are a courtesy."""
_POLISH_NO = ("no",)

_ANSWERS: Mapping[tuple[str, ...], str] = {
    **dict.fromkeys(pieces(_YES), Intent.YES.value),
    **dict.fromkeys(pieces(_NO), Intent.NO.value),
}
_OKAYS = dict.fromkeys(pieces(_OK), Intent.YES.value)
_SIGNS = {
    **dict.fromkeys("\U0001f44d\u2705\u2714\U0001f44c", Intent.YES),
    **dict.fromkeys("\U0001f44e\u274c", Intent.NO),
}
_NUMBER = re.compile(r"\W*(?P<number>\d{1,3})\s*(?:/\s*10\b)?[\s.!)]*", re.ASCII)
_SIGNED = re.compile(r"[-\u2212+]\s*\d")


def read_intent(text: str, meaning: Meaning = Meaning.OTHER, *, language: str = "") -> Said:
    """Understand a reply.

    Args:
        text: in English, Italian or Polish; with or without accents.
        meaning: its wish as the provider reads it, which may know more words.
        language: the customer's, as a locale or its beginning; empty if it is not known.

    Returns:
        The intent.
    """
    found = read_reply(text).meaning
    for wish, intent in ((Meaning.STOP, Intent.STOP), (Meaning.HELP, Intent.HELP)):
        if wish in (found, meaning):
            return Said(intent)
    if found is not Meaning.OTHER:
        return Said(Intent.OTHER)
    number = _NUMBER.fullmatch(text.strip())
    if number and not _SIGNED.match(text.strip()):
        return Said(Intent.NUMBER, int(number["number"]))
    return Said(_answer(text, polish=language.lower()[:2] == "pl"))


def _answer(text: str, *, polish: bool) -> Intent:
    words = folded(text)
    if asks_where(words):
        return Intent.ORDER
    if not words:
        signs = {_SIGNS[one] for one in text if one in _SIGNS}
        return signs.pop() if len(signs) == 1 else Intent.OTHER
    parsed = command(words, _ANSWERS)
    if parsed is None:
        return Intent.YES if command(words, _OKAYS) else Intent.OTHER
    said = {_ANSWERS[piece] for piece in parsed if not (polish and piece == _POLISH_NO)}
    return Intent(said.pop()) if len(said) == 1 else Intent.OTHER
