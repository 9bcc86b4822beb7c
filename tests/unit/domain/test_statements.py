"""Statements of consent in identify calls: what is read, what is left out, and what never is."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn.domain.consent import Evidence, Purpose, Statement
from sojourn.domain.customer import Identity, read_identity
from sojourn.domain.errors import BadCustomer
from sojourn.domain.messages import Channel
from sojourn.domain.topics import Topics, read_topics

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EMAIL, SMS = Channel.EMAIL, Channel.SMS


def call(consents: Any, **traits: Any) -> Identity:
    return read_identity(
        {"firstName": "Ada", **traits, "consents": consents},
        customer_id="c",
        message_id="m",
        at=NOON,
    )


def test_a_statement_is_read_with_its_circumstances() -> None:
    said = {
        "channel": "email",
        "topic": "newsletter",
        "granted": True,
        "wording": "Yes,\nplease.",
        "wordingVersion": 7,
        "locale": "it-IT",
        "proof": "form 7",
        "address": "ada@shop.example",
        "expiresAt": "2028-11-20T12:00:00Z",
    }
    evidence = Evidence(
        "ada@shop.example", "Yes,\nplease.", "7", "it-IT", "form 7", NOON.replace(year=2028)
    )
    expected = Statement(EMAIL, granted=True, topic="newsletter", evidence=evidence)
    assert call([said]).statements == (expected,)
    assert call(said).statements == (expected,), "one needs no list"
    snake = {"wordingVersion": "wording_version", "expiresAt": "expires_at"}
    assert call([{snake.get(name, name): value for name, value in said.items()}]).statements == (
        expected,
    )


def test_to_be_measured_is_a_purpose_without_channel_and_topic() -> None:
    words = call([{"purpose": "opens", "granted": True}]).statements
    assert words == (Statement(None, granted=True, purpose=Purpose.OPENS),)


def test_a_no_to_everything_is_one_for_each_channel() -> None:
    words = call([{"granted": "unsubscribed"}]).words
    assert words == tuple(Statement(channel, granted=False) for channel in Channel)


@pytest.mark.parametrize(
    ("said", "path", "reason"),
    [
        ("yes", "", "must be like"),
        ({"channel": "email"}, ".granted", "must be true or false"),
        ({"channel": "email", "granted": "yes"}, ".granted", "must be true or false"),
        ({"channel": "fax", "granted": True}, ".channel", "no such channel"),
        ({"channel": "fax", "granted": False}, ".channel", "no such channel"),
        ({"granted": True}, ".channel", "is missing"),
        ({"channel": "email", "granted": True, "until": "2028"}, ".until", "no such entry"),
        (
            {"channel": "email", "granted": True, "expiresAt": "soon"},
            ".expiresAt",
            "write a moment",
        ),
        ({"channel": "email", "granted": True, "wording": "x" * 5001}, ".wording", "longer than"),
        ({"channel": "email", "granted": True, "proof": "\x00"}, ".proof", "cannot be stored"),
        ({"channel": "email", "granted": True, "topic": ["a"]}, ".topic", "must be text"),
        ({"channel": "email", "granted": True, "purpose": "ads"}, ".purpose", "messages or opens"),
        ({"channel": "email", "granted": True, "purpose": "opens"}, ".purpose", "takes neither"),
    ],
)
def test_a_yes_that_is_not_understood_is_left_out_and_spoils_no_other(
    said: Any, path: str, reason: str
) -> None:
    read = call([said, {"channel": "sms", "granted": False}])
    assert read.statements == (Statement(SMS, granted=False),)
    (fault,) = read.faults
    assert (fault.path, reason in fault.reason) == (f"traits.consents.0{path}", True)
    assert read.left == {"consents": [said]}


def test_a_no_is_never_lost_with_what_stands_beside_it() -> None:
    said = {
        "channel": "e-mail", "granted": "no", "until": 7, "expiresAt": "soon", "wording": 7.5,
        "proof": "call 9",
    }  # fmt: skip
    read = call([said])
    assert read.statements == (Statement(EMAIL, granted=False, evidence=Evidence(proof="call 9")),)
    assert read.faults == ()


def test_a_call_of_nothing_that_can_be_read_is_refused() -> None:
    with pytest.raises(BadCustomer, match=r"traits\.consents: must be a list of"):
        read_identity({"consents": 7}, customer_id="c", message_id="m", at=NOON)


TOPICS = read_topics({"news": {"name": {"en": "News"}}})


def test_a_yes_to_a_topic_that_the_project_lacks_is_left_out_and_a_no_is_kept() -> None:
    read = call(
        [
            {"channel": "email", "topic": "news", "granted": True},
            {"channel": "email", "topic": "nwes", "granted": True, "proof": "p"},
            {"channel": "email", "topic": "nwes", "granted": False},
            "what",
        ]
    )
    kept = read.on_topics(TOPICS)
    assert [(word.topic, word.granted) for word in kept.statements] == [
        ("news", True),
        ("nwes", False),
    ]
    assert [fault.path for fault in kept.faults] == [
        "traits.consents.3",
        "traits.consents.1.topic",
    ]
    assert kept.left["consents"] == [
        "what",
        {"channel": "email", "topic": "nwes", "granted": True, "proof": "p"},
    ]
    assert read.on_topics(Topics()) is read, "a project without a list takes every topic"
