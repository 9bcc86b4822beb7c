import pytest

from domain.stopping import is_stop


@pytest.mark.parametrize(
    "text",
    ["STOP", "stop.", " Stop please!", "Unsubscribe me", "opt-out", "OPTOUT", "Stop promotions"],
)
def test_any_reasonable_words_stop(text: str) -> None:
    assert is_stop(text)


@pytest.mark.parametrize(
    "text", ["", "thanks", "Don't stop", "where does line 4 stop?", "cancel my order", "please"]
)
def test_what_means_something_else_does_not(text: str) -> None:
    assert not is_stop(text)
