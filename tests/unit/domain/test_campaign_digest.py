"""A digest of a campaign: what an approval is bound to, part by part."""

from dataclasses import replace

from sojourn import EMAIL, Audience, Campaign, Message, at_local, days, trait
from sojourn.domain.campaign import changed

SPRING = Campaign(
    "spring",
    to=Audience("pro", trait("plan") == "pro"),
    message=Message(EMAIL, useful_for=days(2), topic="offers"),
)
WORDS = [("spring/message.email.en.html", b"Spring")]


def differs(other: Campaign, words: list[tuple[str, bytes]] = WORDS) -> list[str]:
    return changed(SPRING.digest(WORDS), other.digest(words))


def test_a_change_is_told_by_its_kind() -> None:
    assert differs(SPRING) == []
    assert differs(replace(SPRING, about="The tents.")) == []
    assert differs(replace(SPRING, given={"code": "A"})) == ["code"]
    assert differs(SPRING, [("spring/message.email.en.html", b"Sprung")]) == ["words"]
    assert differs(replace(SPRING, to=Audience("pro", trait("plan") == "max"))) == ["audience"]
    assert differs(replace(SPRING, rate=5)) == ["times"]
    assert differs(replace(SPRING, when=at_local("2026-03-20 10:00"), given={"a": 1})) == [
        "code", "times",
    ]  # fmt: skip


def test_of_a_text_that_is_no_digest_everything_has_changed() -> None:
    assert changed("yes", SPRING.digest()) == ["code", "words", "audience", "times"]
