"""Every reason is explained in plain words, and in docs/reasons.md with its remedy."""

import re

import pytest

from sojourn.domain.messages import Reason, Status
from sojourn.domain.reasons import explain
from tests.support.markdown import ROOT

DOC = ROOT / "docs" / "reasons.md"
SECTION = re.compile(r"^### `(\w+)`\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("reason", Reason)
def test_the_words_of_a_reason_complete_a_sentence(reason: Reason) -> None:
    words = explain(reason)
    assert words == words.strip()
    assert words[0].islower()
    assert not words.endswith(".")
    assert reason.value not in words or "_" not in reason.value  # words, not the code


def test_no_two_reasons_read_the_same() -> None:
    assert len({explain(reason) for reason in Reason}) == len(Reason)


def test_the_page_has_each_reason_once_with_cause_and_remedy() -> None:
    sections = SECTION.findall(DOC.read_text())
    assert sorted(name for name, _ in sections) == sorted(Reason)
    for name, text in sections:
        assert "**Cause.**" in text, name
        assert "**What to do.**" in text, name


@pytest.mark.parametrize("status", Status)
def test_the_page_says_what_each_state_means(status: Status) -> None:
    assert f"| `{status}` |" in DOC.read_text()
