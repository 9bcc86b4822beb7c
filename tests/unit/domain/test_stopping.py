"""Any reasonable request stops our messages; a stop word inside another message does not."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sojourn.domain.stopping import (
    _AROUND,
    _COMMANDS,
    _FILLERS,
    _HELP,
    _START,
    _STOP,
    LONGEST,
    Meaning,
    asks_to_stop,
    folded,
    read_reply,
)

COMMANDS = [
    "STOP",
    "UNSUBSCRIBE",
    "END",
    "QUIT",
    "STOPALL",
    "REVOKE",
    "OPTOUT",
    "OPT OUT",
    "CANCEL",
]
"""The stop words of the carriers and of the FCC."""

STOPS = _COMMANDS[Meaning.STOP]
requests = st.sampled_from(sorted(" ".join(piece) for piece in STOPS))
bare = st.sampled_from(["stop", "end", "quit", "cancel", "basta", "annulla", "koniec", "dosc"])
"""Commands that mean something else in other sentences."""
fillers = st.lists(st.sampled_from(["please", "now", "grazie", "prosze", "thanks"]), max_size=2)
marks = st.text(alphabet=" .,!?-\u2026\u200b\n\"'\U0001f64f", max_size=5)
known = {word for table in _COMMANDS.values() for piece in table for word in piece}
known |= {word for piece in _FILLERS for word in piece}


@pytest.mark.parametrize("text", COMMANDS)
def test_a_carriers_command_stops_messages(text: str) -> None:
    for said in (text, text.lower(), text.title(), f" {text}.\n", f"{text}!!!", f"“{text}”"):
        assert asks_to_stop(said), said


ENGLISH = """
STOP PLEASE
please stop
Stop it now
stop texting me
STOP STOP STOP STOP STOP STOP STOP STOP STOP STOP
STOPPPP!!
S T O P
S.T.O.P.
s\u200btop
ＳＴＯＰ
🛑
stop 🛑🛑
Opt-out
stop and unsubscribe
Unsubscribe me please, thank you
unsuscribe
I want to unsubscribe
how do I unsubscribe?
Don't text me
Don’t message me anymore
please do not send me any more messages
no more texts please
leave me alone
opt me out
I don't want these messages
I do not want to receive your offers
can you stop texting me
remove my number from your list
Who are you, take me off this list
who is this? stop
Stop. I never signed up for this
STOP I already bought it
I revoke my consent
ARRÊT
ok stop thanks
"""
ITALIAN = """
Basta!
BASTA per favore
Stop grazie
Stop ai messaggi
Basta messaggi
Cancellami per favore
Cancellatemi dalla lista
Annulla
disiscrivi
come faccio a disiscrivermi?
rimuovimi dalla lista
Toglietemi dalla lista
non scrivetemi più
Non scrivetemi piu
non mi scrivete più
Smettetela!
smettete di scrivermi
Per favore smettetela di mandarmi sms
Non voglio più messaggi
non voglio più ricevere pubblicità
non mandatemi più niente
non inviatemi sms
revoco il consenso
Ma chi siete? Cancellate il mio numero
"""
POLISH = """
ZATRZYMAJ
Rezygnuję
REZYGNUJE
rezygnuje z newslettera
wypisz mnie proszę
Wypiszcie mnie
Koniec.
dość
Usuń mój numer
Proszę przestań
proszę przestać
prosze przestac
przestańcie
przestańcie wysyłać te smsy
Stop wysyłania
stop sms
nie piszcie do mnie
nie pisz do mnie więcej
Proszę nie pisać
nie chcę więcej wiadomości
nie chce reklam
nie życzę sobie takich wiadomości
proszę nie wysyłać więcej sms
chcę się wypisać
jak się wypisać?
cofam zgodę
Kto to? Wypiszcie mnie z listy
"""


@pytest.mark.parametrize("text", [one for one in (ENGLISH + ITALIAN + POLISH).splitlines() if one])
def test_any_reasonable_request_stops_messages(text: str) -> None:
    assert asks_to_stop(text)


OTHERS = """
please
Where does the bus stop?
the bus stop
Is it the last stop?
full stop
Don't stop
don’t stop sending me these
non-stop
Do you deliver non-stop?
stop by the shop?
Can I stop by the shop?
why did you stop sending offers? I loved them
Will the shop stop selling mugs?
the rain won't stop
Can I cancel my order?
Cancel my subscription
cancel order 1234
When does the sale end
I want to end the rental on Friday
I could not stop laughing, please send more of them
don't send it to the old address
do not send the red one
I don't want the blue one
remove the blue mug from my order
Where is my parcel?
no thanks
START
UNSTOP
unstop please
yes
weekend
Basta così poco? Voglio ordinare
quanto basta?
non smettete di scrivermi
Quando finisce l'offerta?
non voglio la taglia M
Cancellate l'ordine 1234
Annulla l'ordine
non mi avete mandato il pacco
non mandate il pacco al vecchio indirizzo
dove si ferma l'autobus
no grazie
nie przestawajcie
nie przestawajcie pisać
Kiedy koniec promocji?
Gdzie jest najbliższy przystanek
przystanek
nonstop
nie chcę czarnego
proszę nie wysyłać przed piątkiem
Anulujcie zamówienie 12
usuńcie czarny z zamówienia
nie wysyłajcie mi czarnego
"""


@pytest.mark.parametrize("text", ["", *OTHERS.strip().splitlines()])
def test_other_replies_do_not_stop_messages(text: str) -> None:
    assert not asks_to_stop(text)


@pytest.mark.parametrize(
    ("text", "says_more"),
    [
        ("Stop please", False),
        ("Basta, grazie", False),
        ("Stop. I never signed up for this", True),
        ("STOP I already bought it", True),
        ("who are you, take me off your list", True),
        ("Ma chi siete? Non scrivetemi più", True),
    ],
)
def test_words_beside_a_stop_are_for_a_person_to_read(text: str, *, says_more: bool) -> None:
    reply = read_reply(text)
    assert (reply.meaning, reply.says_more) == (Meaning.STOP, says_more)


@pytest.mark.parametrize(
    ("text", "meaning", "language"),
    [
        ("START", Meaning.START, ""),
        ("start please", Meaning.START, ""),
        ("unstop", Meaning.START, "en"),
        ("Aktywuj!", Meaning.START, "pl"),
        ("WZNÓW", Meaning.START, "pl"),
        ("zapisz mnie proszę", Meaning.START, "pl"),
        ("RIPRENDI", Meaning.START, "it"),
        ("riattiva per favore", Meaning.START, "it"),
        ("HELP", Meaning.HELP, "en"),
        ("help me please", Meaning.HELP, "en"),
        ("Info", Meaning.HELP, ""),
        ("AIUTO", Meaning.HELP, "it"),
        ("Pomoc!", Meaning.HELP, "pl"),
        ("STOP", Meaning.STOP, ""),
        ("Basta", Meaning.STOP, "it"),
        ("ZATRZYMAJ", Meaning.STOP, "pl"),
        ("unsubscribe", Meaning.STOP, "en"),
        ("I need help with my order", Meaning.OTHER, ""),
        ("When does it start?", Meaning.OTHER, ""),
        ("start the machine", Meaning.OTHER, ""),
        ("stop start", Meaning.OTHER, ""),
        ("Ciao", Meaning.OTHER, ""),
    ],
)
def test_a_command_tells_its_meaning_and_its_language(
    text: str, meaning: Meaning, language: str
) -> None:
    reply = read_reply(text)
    assert (reply.meaning, reply.language) == (meaning, language)


@given(requests, fillers, fillers, marks, marks)
def test_case_punctuation_and_courtesy_change_no_judgement(
    request: str, before: list[str], after: list[str], left: str, right: str
) -> None:
    words = [*before, request, *after]
    said = left + " ".join(words) + right
    assume(len(folded(said)) <= LONGEST)
    assert asks_to_stop(said)
    assert asks_to_stop(said.upper())


@given(bare, st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=9), st.booleans())
@example("stop", "start", False)
def test_one_word_of_another_meaning_stops_nothing(request: str, word: str, first: bool) -> None:
    assume(word not in known)
    assume(not word.startswith(("pisa", "wysyl", "przysyl", "sms", "reklam", "ofert", "spam")))
    assert not asks_to_stop(f"{word} {request}" if first else f"{request} {word}")


@given(bare, st.integers(LONGEST, 2000))
def test_a_command_in_a_long_sentence_stops_nothing(request: str, count: int) -> None:
    assert not asks_to_stop(f"{request} " + "please now " * count)


@given(st.text())
def test_any_text_is_judged_without_an_error(text: str) -> None:
    assert asks_to_stop(text) == asks_to_stop(f" {text} ")


@pytest.mark.parametrize("table", [*_STOP.values(), *_START.values(), *_HELP.values(), _AROUND])
def test_the_tables_are_folded_as_messages_are(table: str) -> None:
    words = table.replace(";", " ").split()
    assert [word for word in words if folded(word) != (word,)] == []
