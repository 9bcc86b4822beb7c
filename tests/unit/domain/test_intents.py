"""The intent of a reply, in English, Italian and Polish."""

import pytest

from sojourn import Intent
from sojourn.domain.intents import Said, read_intent
from sojourn.domain.stopping import Meaning


@pytest.mark.parametrize(
    "text",
    [
        "Yes", "yes please!", "YES", "y", "ok", "OK, thanks", "Sure thing", "I confirm", "why not",
        "Sì", "si grazie", "Va bene", "D'accordo", "d’accordo", "Confermo, grazie", "certo",
        "Tak", "tak, poproszę"[:3], "Tak, potwierdzam", "Jasne", "dobrze, dziękuję", "zgoda",
        "\U0001f44d\U0001f3fd", "\u2705",
    ],
)  # fmt: skip
def test_a_plain_yes_is_a_yes(text: str) -> None:
    assert read_intent(text) == Said(Intent.YES)


@pytest.mark.parametrize(
    "text",
    [
        "No", "no, thank you", "nope", "I can't", "can’t make it", "not interested", "ok no thanks",
        "No grazie", "purtroppo non posso", "Non mi interessa", "assolutamente no",
        "Nie", "nie, dziękuję", "Niestety nie mogę", "no no no", "\U0001f44e", "\u274c",
    ],
)  # fmt: skip
def test_a_plain_no_is_a_no(text: str) -> None:
    assert read_intent(text) == Said(Intent.NO)


@pytest.mark.parametrize(
    "text",
    [
        "Yes, but at four", "yes and no", "no problem", "Not sure", "I do not know", "", "thanks",
        "Sì, ma alle quattro", "nessun problema", "Nie wiem", "nie ma problemu", "tak i nie",
        "START", "non posso venire alle tre", "no, I said yes", "\U0001f600",
        "\U0001f44d\U0001f44e",
    ],
)  # fmt: skip
def test_anything_else_is_for_a_person(text: str) -> None:
    assert read_intent(text) == Said(Intent.OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "Where is my order?", "where's my parcel", "Hi, where is my order please?",
        "WHERES MY ORDER", "When will my order arrive?", "when is my delivery coming",
        "When will I get my package?", "What is the status of my order?", "order status",
        "Has my order been shipped yet?", "How can I track my parcel? Thanks!",
        "Can you tell me where my order is?",
        "Dov'è il mio ordine?", "dove il mio pacco", "Dov’è l'ordine?", "stato dell'ordine",
        "Quando arriva il mio pacco?", "Il mio ordine quando arriva?",
        "Buongiorno, a che punto è la mia spedizione? Grazie mille",
        "Sapete dirmi dove si trova il mio pacco?", "Avete spedito il mio ordine?",
        "Gdzie jest moje zamówienie?", "gdzie moja paczka", "Co z moim zamówieniem?",
        "Dzień dobry, kiedy przyjdzie paczka?", "Jaki jest status przesyłki?",
        "Kiedy dostanę moją paczkę? Dziękuję", "Czy moje zamówienie zostało już wysłane?",
        "Gdzie jest teraz moja przesyłka?",
    ],
)  # fmt: skip
def test_a_plain_question_for_the_order_is_one(text: str) -> None:
    assert read_intent(text) == Said(Intent.ORDER)


@pytest.mark.parametrize(
    "text",
    [
        "Where is my order 1234?", "Where is my order? It is broken", "Where is it?", "my order",
        "Where is my refund?", "Where is your shop?", "Why is my order late?", "Cancel my order",
        "Where is my order? I am furious", "When does the sale end?", "Where can I order?",
        "Dov'è il negozio?", "Quando arriva il rimborso?", "Il mio ordine è rotto", "dove ordino",
        "Gdzie jest sklep?", "Kiedy dostanę zwrot?", "Moja paczka jest uszkodzona",
        "Where is my order and where is my refund?",
    ],
)  # fmt: skip
def test_a_question_for_something_else_is_for_a_person(text: str) -> None:
    assert read_intent(text) == Said(Intent.OTHER)


def test_a_question_for_the_order_that_also_asks_to_stop_asks_to_stop() -> None:
    assert read_intent("Where is my order? STOP") == Said(Intent.STOP)


@pytest.mark.parametrize(
    ("text", "number"), [("9", 9), (" 10. ", 10), ("9/10", 9), ("10/10", 10), ("0", 0), ("(8)", 8)]
)
def test_a_number_alone_is_a_number(text: str, number: int) -> None:
    assert read_intent(text) == Said(Intent.NUMBER, number)


@pytest.mark.parametrize(
    "text", ["-5", "4,5", "4.5", "12345", "+39 320 1234567", "9 or 10", "16:30", "9 out of ten"]
)
def test_no_other_number_is_in_a_history(text: str) -> None:
    assert read_intent(text) == Said(Intent.OTHER)


@pytest.mark.parametrize(
    ("text", "intent"),
    [("STOP", Intent.STOP), ("Basta, grazie", Intent.STOP), ("Stop. Who are you?", Intent.STOP),
     ("help", Intent.HELP), ("Aiuto", Intent.HELP), ("pomoc", Intent.HELP)],
)  # fmt: skip
def test_stop_and_help_come_before_any_answer(text: str, intent: Intent) -> None:
    assert read_intent(text) == Said(intent)


def test_a_provider_may_know_more_words() -> None:
    assert read_intent("arrêt svp", Meaning.STOP) == Said(Intent.STOP)
    assert read_intent("aide", Meaning.HELP) == Said(Intent.HELP)
    assert read_intent("yes", Meaning.START) == Said(Intent.YES)


def test_a_polish_no_may_be_a_yes() -> None:
    assert read_intent("no", language="pl-PL") == Said(Intent.OTHER)
    assert read_intent("No tak", language="pl") == Said(Intent.YES)
    assert read_intent("no nie", language="pl") == Said(Intent.NO)
    assert read_intent("no", language="it") == Said(Intent.NO)
