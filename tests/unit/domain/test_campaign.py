"""`Campaign`: what it takes, what it refuses, and what its digest tells apart."""

from typing import Any

import pytest

from sojourn import EMAIL, PUSH, Audience, Brakes, Campaign, Message, at_local, days, trait
from sojourn.domain.campaign import Campaigns, name_of
from sojourn.domain.errors import SameName, UnknownName
from sojourn.events import OrderCompleted

PRO = Audience("pro", trait("plan") == "pro")


def campaign(name: str = "spring", **changes: Any) -> Campaign:
    told = {"to": PRO, "message": Message(EMAIL, useful_for=days(2), topic="news"), **changes}
    return Campaign(name, **told)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Spring Offer"}, "small letters"),
        ({"to": trait("plan") == "pro"}, "to= takes an audience"),
        ({"message": "hello"}, "message= takes a Message"),
        ({"message": Message(EMAIL, useful_for=days(2))}, "has no topic"),
        ({"when": "tomorrow"}, "when= takes"),
        ({"rate": 0}, "rate= is a number"),
        ({"seeds": ("nobody",)}, 'seeds= "nobody" is not an address'),
        ({"seeds": ("+393201234567",)}, "sms is none of its channels"),
        ({"seeds": "qa@shop.example"}, "seeds= takes addresses"),
        ({"goal": "Order Completed"}, "goal= takes classes"),
        ({"brakes": 0.05}, r"brakes= takes Brakes\(\.\.\.\), or None"),
    ],
)
def test_a_campaign_that_makes_no_sense_is_one_clear_line(
    changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        campaign(**{"name": "spring", **changes})


def test_its_digest_is_of_all_that_was_approved() -> None:
    words = [("spring/message.email.en.html", b"hello")]
    same = campaign().digest(words)
    assert campaign().digest(words) == same
    others = [
        campaign(rate=5),
        campaign(to=Audience("pro", trait("plan") == "team")),
        campaign(when=at_local("2026-03-20 10:00")),
        campaign(goal=OrderCompleted),
        campaign(given={"code": "X"}),
        campaign(message=Message(EMAIL, useful_for=days(3), topic="news")),
        campaign(message=Message(PUSH, useful_for=days(2), topic="news")),
        campaign("summer"),
        campaign(brakes=None),
        campaign(brakes=Brakes(bounces=0.1)),
    ]
    digests = {one.digest(words) for one in others}
    assert same not in digests
    assert len(digests) == len(others)
    assert campaign().digest([("spring/message.email.en.html", b"hello!")]) != same
    assert campaign(about="Words for people.").digest(words) == same
    assert "brakes" not in campaign().told()["code"], "an approval of before brakes still holds"


def test_two_of_one_name_are_refused_and_so_is_the_name_of_a_journey() -> None:
    with pytest.raises(SameName, match='"spring"'):
        Campaigns([campaign(), campaign(rate=5)])
    with pytest.raises(SameName, match='"onboarding"'):
        Campaigns([campaign("onboarding")], {"onboarding": object})


def test_an_unknown_campaign_offers_the_nearest() -> None:
    found = Campaigns([campaign("autumn"), campaign("spring")])
    assert list(found) == ["autumn", "spring"]
    with pytest.raises(UnknownName, match='did you mean "spring"'):
        found.named("sprong")


def test_the_name_of_an_occasion_is_that_of_its_campaign() -> None:
    assert name_of("newsletter@2026-12-01") == name_of("newsletter") == "newsletter"
