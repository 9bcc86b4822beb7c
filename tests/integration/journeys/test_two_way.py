"""Every way out of the two-way journey."""

from typing import Any

import pytest

from sojourn import Intent, days, hours, minutes
from sojourn.events import MessageReplied, OrderDelivered, OrderShipped, OutForDelivery
from sojourn.testkit import JourneyTest, scenario
from workflows.two_way import TwoWay

ASKS: dict[str, Any] = {"text": "Where is my order?", "intent": Intent.ORDER, "channel": "sms"}
WROTE: dict[str, Any] = {"text": "It came broken", "channel": "sms"}


@scenario("two-way/answered")
async def test_a_person_answers(journey: JourneyTest) -> None:
    await journey.start(TwoWay, **WROTE)
    await journey.after(minutes(2))
    (task,) = await journey.tasks()
    assert (task.question, task.state) == ("talk", "open")
    await journey.answer("answered")
    assert journey.outcome == "exhausted"
    assert journey.sent == []


@scenario("two-way/nobody-answers")
async def test_a_question_that_nobody_answers_ends_the_run(journey: JourneyTest) -> None:
    await journey.start(TwoWay, **WROTE)
    await journey.after(days(3))
    assert [task.state for task in await journey.tasks()] == ["expired"]
    assert journey.outcome == "exhausted"


@scenario("two-way/written-in-one-go")
async def test_what_is_written_in_one_go_is_one_task(journey: JourneyTest) -> None:
    await journey.start(TwoWay, **WROTE)
    await journey.publish(MessageReplied, text="And it is late")
    await journey.after(minutes(2))
    assert len(await journey.tasks()) == 1
    await journey.answer("answered")
    assert journey.outcome == "exhausted"


@scenario("two-way/writes-again")
async def test_what_is_written_later_is_not_lost(journey: JourneyTest) -> None:
    await journey.start(TwoWay, **WROTE)
    await journey.after(hours(1))
    await journey.publish(MessageReplied, text="Are you there?")
    assert len(await journey.tasks()) == 1
    await journey.answer("answered")
    await journey.after(minutes(2))
    assert [task.state for task in await journey.tasks()] == ["answered", "open"]
    await journey.answer("nothing")
    assert journey.outcome == "exhausted"


@scenario("two-way/stopped")
async def test_an_operators_stop_closes_the_task(journey: JourneyTest) -> None:
    await journey.start(TwoWay, **WROTE)
    await journey.after(minutes(2))
    await journey.stop("a test of ours")
    assert [task.because for task in await journey.tasks()] == ["run_stopped"]
    assert journey.outcome == "stopped"


async def test_a_number_a_stop_or_help_is_nobodys_work(journey: JourneyTest) -> None:
    for intent in (Intent.NUMBER, Intent.HELP, Intent.STOP):
        await journey.publish(MessageReplied, intent=intent, text="...")
    assert journey.of(TwoWay).outcomes == []


@pytest.mark.parametrize("intent", [Intent.YES, Intent.NO])
async def test_a_yes_to_an_appointment_is_the_appointments(
    journey: JourneyTest, intent: Intent
) -> None:
    run: dict[str, Any] = {"run": f"appointment:{journey.customer_id}:a1"}
    await journey.publish(MessageReplied, intent=intent, journey="appointment", **run)
    assert journey.of(TwoWay).outcomes == []


@pytest.mark.parametrize("of", [None, "delivery"])
@pytest.mark.parametrize("intent", [Intent.YES, Intent.NO])
async def test_a_yes_to_anything_else_is_for_a_person(
    journey: JourneyTest, intent: Intent, of: str | None
) -> None:
    await journey.publish(MessageReplied, intent=intent, channel="sms", journey=of)
    await journey.after(minutes(2))
    assert [task.state for task in await journey.tasks()] == ["open"]
    assert journey.sent == []


@scenario("two-way/told-where-it-is")
async def test_who_asks_for_the_order_is_told_where_it_is(journey: JourneyTest) -> None:
    await journey.publish(OrderShipped, order_id="o9", tracking_url="https://carrier.example/9")
    await journey.start(TwoWay, **ASKS)
    await journey.after(minutes(2))
    assert journey.sent == ["where"]
    assert await journey.tasks() == []
    text = (await journey.content("where"))["text"]
    assert "your order o9 was shipped on 8 January 2024." in text
    assert "https://carrier.example/9" in text
    assert [row.channel for row in await journey.messages()] == ["sms"]
    await journey.publish(MessageReplied, intent=Intent.YES, text="Ok")
    await journey.after(days(1))
    assert journey.outcome == "exhausted"
    assert await journey.tasks() == []


@scenario("two-way/writes-on")
async def test_who_writes_on_after_the_answer_gets_a_person(journey: JourneyTest) -> None:
    await journey.publish(OrderDelivered, order_id="o9", left_at="at the neighbour's")
    await journey.start(TwoWay, **{**ASKS, "channel": "whatsapp"})
    await journey.after(hours(3))
    assert journey.sent == ["where-in-chat"]
    assert "at the neighbour's" in (await journey.content("where-in-chat"))["text"]
    await journey.publish(MessageReplied, **ASKS)
    assert journey.sent == ["where-in-chat"]
    assert [task.state for task in await journey.tasks()] == ["open"]
    await journey.answer("answered")
    assert journey.outcome == "exhausted"


@scenario("two-way/nobody-knows-where")
async def test_an_order_of_which_nothing_is_certain_is_for_a_person(journey: JourneyTest) -> None:
    await journey.start(TwoWay, **ASKS)
    await journey.after(minutes(2))
    assert journey.skipped == [("where", "nothing_to_say")]
    assert [task.state for task in await journey.tasks()] == ["open"]
    await journey.answer("answered")
    assert journey.outcome == "exhausted"


@pytest.mark.parametrize(
    "more", [{"intent": Intent.OTHER, "text": "It is late!"}, {"channel": None}]
)
async def test_a_machine_does_not_answer_what_it_did_not_understand(
    journey: JourneyTest, more: dict[str, Any]
) -> None:
    await journey.publish(OrderShipped, order_id="o9")
    await journey.start(TwoWay, **ASKS)
    await journey.publish(MessageReplied, **{**ASKS, **more})
    await journey.after(minutes(2))
    assert journey.sent == []
    assert [task.state for task in await journey.tasks()] == ["open"]


async def test_a_question_that_came_while_a_person_talked_is_the_next_persons(
    journey: JourneyTest,
) -> None:
    await journey.publish(OrderShipped, order_id="o9")
    await journey.start(TwoWay, **WROTE)
    await journey.after(minutes(2))
    await journey.publish(MessageReplied, **ASKS)
    await journey.after(hours(2))
    assert journey.sent == []
    await journey.answer("answered")
    await journey.after(minutes(2))
    assert journey.sent == []
    assert journey.skipped == [("where", "too_late")]
    assert [task.state for task in await journey.tasks()] == ["answered", "open"]


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        (
            "it-IT",
            "il tuo ordine o9 è in consegna da questa data: 8 gennaio 2024.",
        ),
        ("pl-PL", "kurier wiezie zamówienie o9 od 8 stycznia 2024."),
    ],
)
async def test_the_answer_is_in_the_customers_language(
    journey: JourneyTest, locale: str, words: str
) -> None:
    await journey.identify(locale=locale)
    await journey.publish(OutForDelivery, order_id="o9")
    await journey.start(TwoWay, **ASKS)
    await journey.after(minutes(2))
    assert words in (await journey.content("where"))["text"]


async def test_a_reply_to_a_message_of_another_run_is_for_a_person_too(
    journey: JourneyTest,
) -> None:
    await journey.start(TwoWay, run="elsewhere:c1:k", **WROTE)
    await journey.after(minutes(2))
    assert [task.state for task in await journey.tasks()] == ["open"]
