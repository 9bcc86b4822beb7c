"""Every way out of the two-way journey."""

from typing import Any

from sojourn import Intent, days, hours, minutes
from sojourn.events import MessageReplied
from sojourn.testkit import JourneyTest, scenario
from workflows.two_way import TwoWay

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


async def test_a_plain_answer_is_nobodys_work(journey: JourneyTest) -> None:
    for intent in (Intent.YES, Intent.NO, Intent.NUMBER, Intent.HELP, Intent.STOP):
        await journey.publish(MessageReplied, intent=intent, text="...")
    assert journey.of(TwoWay).outcomes == []


async def test_a_reply_to_a_message_of_another_run_is_for_a_person_too(
    journey: JourneyTest,
) -> None:
    await journey.start(TwoWay, run="elsewhere:c1:k", **WROTE)
    await journey.after(minutes(2))
    assert [task.state for task in await journey.tasks()] == ["open"]
