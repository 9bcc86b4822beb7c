"""From a webhook to the gate: a stop word holds, START takes it back, HELP is answered."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import delete

from sojourn.domain.messages import Channel, Reason, Status
from sojourn.rendering.answers import Answers, Shop
from sojourn.sending.answering import answer_replies
from sojourn.store import Store
from sojourn.store.tables import AnswerRow
from sojourn.testkit.fakes.twilio import ACCOUNT, SMS_FROM, FakeTwilio, signed
from tests.support.desk import NUDGE, REACHABLE, Desk
from tests.support.gateway_links import alone
from tests.support.gateway_server import Served

WORDS = Answers([], Shop("Mugs", "https://mugs.example", "help@mugs.example"), "en")


@pytest.fixture
async def desk(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    for name, value in FakeTwilio().environment().items():
        monkeypatch.setenv(name, value)
    desk = Desk(store, customer_id)
    monkeypatch.setattr("sojourn.sending.send.monotonic", lambda: desk.passed)
    yield desk
    async with store.transaction() as session:  # tests share the store
        await session.exec(delete(AnswerRow))


def nudge(number: int) -> dict[str, Any]:
    """Return the changes that make a message by SMS of a step of its own."""
    return {**NUDGE, "channels": (Channel.SMS,), "n": number, "step": f"nudge-{number}"}


async def text(served: Served, number: str, words: str) -> None:
    """Have Twilio bring a text, as its webhook does."""
    hook = signed(
        {
            "MessageSid": f"SM{uuid4().hex}",
            "AccountSid": ACCOUNT,
            "From": number,
            "To": SMS_FROM,
            "Body": words,
            "NumMedia": "0",
        }
    )
    answer = await served.http.post(
        "/webhooks/twilio", content=hook.body, headers=dict(hook.headers)
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("locale", "words", "answers"),
    [
        ("en", ("stop please", "help please", "start please"),
         ("Mugs: you are unsubscribed", "Mugs writes to you here", "Mugs: you get")),
        ("it-IT", ("Basta!", "aiuto", "riprendi"),
         ("Mugs: sei disiscritto", "Mugs ti scrive", "Mugs: da ora ricevi")),
        ("pl", ("ZATRZYMAJ", "pomoc", "wznów"),
         ("Mugs: rezygnacja przyjęta", "Mugs pisze do Ciebie", "Mugs: ")),
    ],
)  # fmt: skip
async def test_from_the_webhook_to_the_gate(
    desk: Desk, locale: str, words: tuple[str, ...], answers: tuple[str, ...]
) -> None:
    stop, help_, start = words
    number = f"+39333{uuid4().int % 10**7:07}"
    await desk.identify(**{**REACHABLE, "phone": number, "locale": locale})
    desk.start = await desk.add()
    async with alone(desk.store, sms_provider="twilio", public_url=FakeTwilio.hook_url) as served:
        assert (await desk.send(**nudge(1))).status is Status.SENT
        await text(served, number, stop)
        held = await desk.send(**nudge(2))
        assert (held.status, held.reason) == (Status.SKIPPED, Reason.NO_CONSENT)
        await text(served, number, help_)
        held = await desk.send(**nudge(3))
        assert held.status is Status.SKIPPED, "help is no start"
        await text(served, number, start)
        assert (await desk.send(**nudge(4))).status is Status.SENT
        await text(served, number, stop)
        held = await desk.send(**nudge(5))
        assert held.status is Status.SKIPPED, "and stop again"
    carriers = dict.fromkeys(Channel, desk.carrier)
    before = len(desk.carrier.carried)
    assert await answer_replies(desk.store, carriers, WORDS) == 3, "one of a kind an hour"
    heard = [parcel.content.text for parcel in desk.carrier.carried[before:]]
    assert [said.startswith(begins) for said, begins in zip(heard, answers, strict=True)] == [
        True
    ] * 3, heard
