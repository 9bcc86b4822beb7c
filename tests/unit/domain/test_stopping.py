"""Any reasonable request stops our messages; a stop word inside another message does not."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from sojourn.domain.stopping import (
    _AROUND,
    _FILLERS,
    _REQUESTS,
    _STOP,
    LONGEST,
    _words,
    asks_to_stop,
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

requests = st.sampled_from(sorted(" ".join(piece) for piece in _REQUESTS))
fillers = st.lists(st.sampled_from(["please", "now", "grazie", "prosze", "thanks"]), max_size=2)
marks = st.text(alphabet=" .,!?-\u2026\u200b\n\"'\U0001f64f", max_size=5)
known = {word for piece in _REQUESTS | _FILLERS for word in piece}


@pytest.mark.parametrize("text", COMMANDS)
def test_a_carriers_command_stops_messages(text: str) -> None:
    for said in (text, text.lower(), text.title(), f" {text}.\n", f"{text}!!!", f"“{text}”"):
        assert asks_to_stop(said), said


@pytest.mark.parametrize(
    "text",
    [
        "STOP PLEASE",
        "please stop",
        "Stop it now",
        "stop texting me",
        "STOP STOP STOP STOP STOP STOP STOP STOP STOP STOP",
        "Opt-out",
        "stop and unsubscribe",
        "Unsubscribe me please, thank you",
        "Don't text me",
        "remove my number from your list",
        "ARRÊT",
        "Basta!",
        "Cancellami per favore",
        "Annulla",
        "disiscrivi",
        "rimuovimi dalla lista",
        "Non voglio più messaggi",
        "Rezygnuję",
        "REZYGNUJE",
        "wypisz mnie proszę",
        "Koniec.",
        "Usuń mój numer",
        "Proszę przestań",
        "nie chcę więcej wiadomości",
        "s\u200btop",
        "ＳＴＯＰ",
    ],
)
def test_any_reasonable_request_stops_messages(text: str) -> None:
    assert asks_to_stop(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please",
        "Where does the bus stop?",
        "Don't stop sending me these",
        "non-stop",
        "Can I cancel my order?",
        "Cancel my subscription",
        "When does the sale end",
        "I could not stop laughing, please send more of them",
        "stop " + "and " * 20 + "go",
        "START",
        "UNSTOP",
        "unstop please",
        "yes",
        "Basta così poco? Voglio ordinare",
        "Kiedy koniec promocji?",
        "Gdzie jest najbliższy przystanek",
        "weekend",
        "🛑",
    ],
)
def test_other_replies_do_not_stop_messages(text: str) -> None:
    assert not asks_to_stop(text)


@given(requests, fillers, fillers, marks, marks)
def test_case_punctuation_and_courtesy_change_no_judgement(
    request: str, before: list[str], after: list[str], left: str, right: str
) -> None:
    words = [*before, request, *after]
    said = left + " ".join(words) + right
    assume(len(_words(said)) <= LONGEST)
    assert asks_to_stop(said)
    assert asks_to_stop(said.upper())


@given(
    requests, st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=9), st.booleans()
)
@example("stop", "start", False)
def test_one_word_of_another_meaning_stops_nothing(request: str, word: str, first: bool) -> None:
    assume(word not in known)
    assert not asks_to_stop(f"{word} {request}" if first else f"{request} {word}")


@given(requests, st.integers(LONGEST, 2000))
def test_a_long_message_stops_nothing(request: str, count: int) -> None:
    assert not asks_to_stop(f"{request} " + "please now " * count)


@given(st.text())
def test_any_text_is_judged_without_an_error(text: str) -> None:
    assert asks_to_stop(text) == asks_to_stop(f" {text} ")


@pytest.mark.parametrize("table", [_STOP, _AROUND])
def test_the_tables_are_folded_as_messages_are(table: str) -> None:
    words = table.replace(";", " ").split()
    assert [word for word in words if _words(word) != (word,)] == []
