"""The words of reports in each language: complete, with the same places to fill in."""

import re
from dataclasses import asdict

import pytest

from sojourn.domain.errors import UnknownName
from sojourn.domain.messages import Reason
from sojourn.insight.reporting.languages import LANGUAGES, language_of
from sojourn.insight.reporting.reasons import because, named
from sojourn.insight.weekly.words import WORDS


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_each_language_has_all_words_with_the_same_places() -> None:
    assert set(WORDS) == set(LANGUAGES)
    english = asdict(WORDS["en"])
    for lang in LANGUAGES:
        for name, text in asdict(WORDS[lang]).items():
            assert text
            assert places(text) == places(english[name]), (lang, name)


def test_each_reason_has_a_name_and_a_meaning_in_each_language() -> None:
    for lang in LANGUAGES:
        names = {named(one.value, lang) for one in Reason}
        assert len(names) == len(Reason), f"{lang}: two reasons have one name"
        for one in Reason:
            assert because(one.value, lang), (lang, one)
            assert "_" not in named(one.value, lang)
    for lang in set(LANGUAGES) - {"en"}:
        assert not {named(one.value, lang) for one in Reason} & {
            named(one.value, "en") for one in Reason
        }
    assert (named("of_tomorrow", "pl"), because("of_tomorrow", "pl")) == ("of tomorrow", "")


def test_the_language_is_chosen_else_the_installations_else_english() -> None:
    assert language_of("pl", "it") == "pl"
    assert language_of("", "it-CH") == "it"
    assert language_of("", "de") == "en"
    with pytest.raises(UnknownName, match='no language of reports "de"'):
        language_of("de", "it")
