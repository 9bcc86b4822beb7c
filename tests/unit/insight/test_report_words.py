"""The words of reports in each language: the same keys, places and plural forms."""

import re

from babel import Locale

from sojourn.domain.measuring.attribution import Model
from sojourn.insight.reporting.brought import Standing, Verdict
from sojourn.insight.reporting.figures import By
from sojourn.insight.reporting.languages import LANGUAGES
from sojourn.insight.reporting.speech import WORDINGS
from tests.support.wordings import texts

PLURALS = {"uncounted", "held", "not_left", "young"}


def places(text: str) -> set[str]:
    return set(re.findall(r"\{\w*\}", text))


def test_each_language_says_all_with_the_same_places() -> None:
    assert set(WORDINGS) == set(LANGUAGES)
    english = dict(texts(WORDINGS["en"]))
    for lang in set(LANGUAGES) - {"en"}:
        found = dict(texts(WORDINGS[lang]))
        singles = {path for path in english if not PLURALS & set(path)}
        assert {path for path in found if not PLURALS & set(path)} == singles
        for path in singles:
            assert found[path], (lang, path)
            assert places(found[path]) == places(english[path]), (lang, path)
            alike = found[path] == english[path] and re.search(r"[a-z]{4} [a-z]{2}", found[path])
            assert not alike, (lang, path, "is English")


def test_counted_sentences_have_each_plural_form_of_the_language() -> None:
    for lang, wording in WORDINGS.items():
        forms = {Locale.parse(lang).plural_form(n) for n in range(1000)}
        for sentences in (wording.uncounted, wording.held, wording.not_left, wording.brought.young):
            assert all(form in sentences or "other" in sentences for form in forms)
            if lang == "pl":
                assert forms <= set(sentences)
            assert all(places(text) == {"{n}"} for text in sentences.values())


def test_each_word_that_the_figures_know_is_said() -> None:
    for wording in WORDINGS.values():
        assert set(wording.splits) == set(By)
        assert set(wording.models) == set(Model)
        assert set(wording.told) == set(Verdict)
        assert set(wording.standings) == set(Standing)
        assert set(wording.units) == {"day", "week", "month"}
