"""The characters and segments of an SMS."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sojourn.domain.sms import Encoding, Segments, segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2
EXTENSION = "^{}\\[~]|€"
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
gsm = st.text(st.sampled_from(BASIC + EXTENSION), max_size=400)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments(GSM, 0, 1)),
        ("Ciao", Segments(GSM, 4, 1)),
        ("à è é ì ò ù", Segments(GSM, 11, 1)),
        ("Ç", Segments(GSM, 1, 1)),
        ("ç", Segments(UCS, 1, 1)),
        ("ż", Segments(UCS, 1, 1)),
        ("Cześć, Łucja", Segments(UCS, 12, 1)),
        ("€", Segments(GSM, 2, 1)),
        (EXTENSION, Segments(GSM, 18, 1)),
        ("\f", Segments(GSM, 2, 1)),
        ("\x1b", Segments(UCS, 1, 1)),
        ("`", Segments(UCS, 1, 1)),
        ("it's", Segments(GSM, 4, 1)),
        ("it’s", Segments(UCS, 4, 1)),
        ("“yes”", Segments(UCS, 5, 1)),
        ("a…", Segments(UCS, 2, 1)),
        ("🎁", Segments(UCS, 2, 1)),
        ("a" * 160, Segments(GSM, 160, 1)),
        ("a" * 161, Segments(GSM, 161, 2)),
        ("a" * 306, Segments(GSM, 306, 2)),
        ("a" * 307, Segments(GSM, 307, 3)),
        ("€" * 80, Segments(GSM, 160, 1)),
        ("ą" * 70, Segments(UCS, 70, 1)),
        ("ą" * 71, Segments(UCS, 71, 2)),
        ("ą" * 134, Segments(UCS, 134, 2)),
        ("ą" * 135, Segments(UCS, 135, 3)),
        ("🎁" * 35, Segments(UCS, 70, 1)),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_known_texts_have_their_known_counts(text: str, expected: Segments) -> None:
    assert segments(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 152 + "€" + "a" * 152, Segments(GSM, 306, 3)),
        ("a" * 151 + "€" + "a" * 153, Segments(GSM, 306, 2)),
        ("€" * 153, Segments(GSM, 306, 3)),
        ("ą" * 66 + "🎁" + "ą" * 66, Segments(UCS, 134, 3)),
        ("ą" * 65 + "🎁" + "ą" * 67, Segments(UCS, 134, 2)),
        ("🎁" * 67, Segments(UCS, 134, 3)),
    ],
    ids=lambda value: ascii(value)[-20:],
)
def test_a_character_of_two_units_is_never_split_over_a_border(
    text: str, expected: Segments
) -> None:
    assert segments(text) == expected


@given(gsm)
def test_text_in_the_alphabet_is_gsm(text: str) -> None:
    found = segments(text)
    assert found.encoding is GSM
    assert found.units == len(text) + sum(character in EXTENSION for character in text)


@given(any_text)
@example("a" * 200 + "🎁" * 50)
def test_other_text_is_counted_in_utf_16_units(text: str) -> None:
    found = segments(text)
    assert (found.encoding is GSM) is (set(text) <= set(BASIC + EXTENSION + "\f"))
    if found.encoding is UCS:
        assert found.units == len(text.encode("utf-16-be")) // 2


@given(st.one_of(gsm, any_text))
def test_segments_have_room_for_the_text_and_none_to_spare(text: str) -> None:
    found = segments(text)
    alone, part = (160, 153) if found.encoding is GSM else (70, 67)
    if found.count == 1:
        assert found.units <= alone
    else:
        assert found.units > alone
        # each segment but the last may lose one unit to a character that does not fit
        assert (part - 1) * (found.count - 1) < found.units <= part * found.count


@given(st.one_of(gsm, any_text), st.sampled_from("a€ą🎁"))
def test_a_longer_text_is_never_cheaper(text: str, more: str) -> None:
    assert segments(text + more).count >= segments(text).count


def test_a_count_is_told_in_words() -> None:
    assert str(segments("Ciao")) == "1 segment, GSM-7"
    assert str(segments("ą" * 71)) == "2 segments, UCS-2"
