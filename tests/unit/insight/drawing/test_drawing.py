"""Pictures of small journeys: each has one thing that makes a branch, a loop or an end."""

from typing import ClassVar

import pytest

from sojourn import (
    EMAIL,
    SMS,
    Experiment,
    Journey,
    Message,
    NonPersonal,
    Question,
    Reason,
    activity,
    count,
    days,
    did,
    field,
    hours,
)
from sojourn.domain.errors import BadProject
from sojourn.events import (
    Event,
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderShipped,
    ProductAdded,
    ProductViewed,
    SignedUp,
    SubscriptionStarted,
)
from sojourn.insight.drawing.drawn import draw
from sojourn.insight.drawing.picture import Picture, Shape

TONE = Experiment("tone", {"plain": 1, "warm": 2, "loud": 0})


class Gift(NonPersonal):
    """A gift of the shop."""

    code: str


@activity
async def choose_gift(context: object) -> Gift:
    """Choose a gift."""
    raise NotImplementedError


@activity
async def is_in_stock(context: object) -> bool:
    """Tell whether there is any left."""
    raise NotImplementedError


def arrows(picture: Picture) -> set[tuple[str, str, str]]:
    """Return the arrows of a picture: the first line of the source, the words, the target's."""
    names = [node.lines[0] for node in picture.nodes]
    return {(names[one.source], one.words, names[one.target]) for one in picture.arrows}


def labels(picture: Picture, shape: Shape) -> list[tuple[str, ...]]:
    return [node.lines for node in picture.nodes if node.shape is shape]


class Mails(Journey):
    """Two messages for the journeys below."""

    hello = Message(EMAIL, useful_for=hours(24))
    nudge = Message(EMAIL, SMS, useful_for=days(2))


# ---- straight on ---------------------------------------------------------------------------


class Straight(Mails, name="straight", starts_on=SignedUp, goal=OrderCompleted):
    async def steps(self) -> None:
        await self.send(self.hello)
        await self.sleep(days(2))
        await self.send(self.nudge)


def test_a_straight_journey_is_one_line_and_its_goal_stands_beside_it() -> None:
    picture = draw(Straight)
    assert arrows(picture) == {
        ("Signed Up", "", "hello"),
        ("hello", "", "2 days later"),
        ("2 days later", "", "nudge"),
        ("nudge", "", "exhausted"),
        ("Order Completed", "", "converted"),
    }
    assert labels(picture, Shape.MESSAGE)[1] == (
        "nudge",
        "email, else sms",
        "promotional, topic straight",
        "useful for 2 days",
    )
    assert labels(picture, Shape.EVENT) == [("Order Completed", "at any time")]


class Notes(Journey, name="notes", starts_on=SubscriptionStarted):
    async def steps(self) -> None:
        began = self.cause
        assert isinstance(began, SubscriptionStarted)
        await self.note(until=began.expires_at, of=began.subscription_id, plan="gold")


def test_a_note_of_what_an_event_says_names_the_field() -> None:
    noted = ("note until: expires_at", "note of: its subscription_id", "note plan: gold")
    assert labels(draw(Notes), Shape.DEED) == [noted]


# ---- questions, variants, calls, people ----------------------------------------------------


class Asks(Mails, name="asks", starts_on=SignedUp):
    async def steps(self) -> None:
        if await self.ask(did(OrderCompleted)):
            await self.send(self.hello)
        elif (await self.ask(count(ProductViewed)) or 0) >= 3:
            await self.send(self.nudge)


def test_each_answer_to_a_question_has_its_arrow() -> None:
    assert arrows(draw(Asks)) == {
        ("Signed Up", "", "Order Completed?"),
        ("Order Completed?", "yes", "hello"),
        ("Order Completed?", "no", "Product Viewed?"),
        ("Product Viewed?", "0 or 1 or 2", "exhausted"),
        ("Product Viewed?", "3 or 4", "nudge"),
        ("hello", "", "exhausted"),
        ("nudge", "", "exhausted"),
    }


class Varies(Mails, name="varies", starts_on=SignedUp):
    async def steps(self) -> None:
        tone = await self.variant(TONE)
        await self.sleep(days(1))
        await self.send(self.hello if tone == "warm" else self.nudge)


def test_a_decision_that_rests_on_an_earlier_answer_is_a_question_of_its_own() -> None:
    found = arrows(draw(Varies))
    asked = "variant of tone?"
    assert found == {
        ("Signed Up", "", asked),
        (asked, "", "24 h later"),
        ("24 h later", "", asked),
        (asked, "warm", "hello"),
        (asked, "plain", "nudge"),
        ("hello", "", "exhausted"),
        ("nudge", "", "exhausted"),
    }, "nobody has a variant of weight 0; the question is repeated where it is answered"


class Calls(Mails, name="calls", starts_on=SignedUp):
    async def steps(self) -> None:
        if gift := await self.call(choose_gift):
            await self.send(self.hello, code=gift.code)
        if await self.call(is_in_stock):
            await self.send(self.nudge)


def test_a_call_is_drawn_with_its_results_and_with_its_failure() -> None:
    found = arrows(draw(Calls))
    assert ("call choose_gift", "done", "hello") in found
    assert ("call choose_gift", "it fails", "call is_in_stock") in found
    assert ("call is_in_stock", "yes", "nudge") in found
    assert ("call is_in_stock", "no or it fails", "exhausted") in found


class Decides(Mails, name="decides", starts_on=SignedUp):
    refund = Question("Refund it?", yes="Refund it", later="Ask once more", no="Keep it")

    async def steps(self) -> None:
        while (said := await self.person(self.refund, within=days(2), else_="no")) == "later":
            await self.sleep(days(14))
        if said == "yes":
            await self.send(self.hello)


def test_a_question_to_a_person_has_its_answers_and_its_time_out_and_a_loop_leads_back() -> None:
    found = arrows(draw(Decides))
    asked = "a person: Refund it?"
    assert found == {
        ("Signed Up", "", asked),
        (asked, "time is up or no", "exhausted"),
        (asked, "yes", "hello"),
        (asked, "later", "14 days later"),
        ("14 days later", "", asked),
        ("hello", "", "exhausted"),
    }


# ---- events --------------------------------------------------------------------------------


class Waits(
    Mails,
    name="waits",
    starts_on=OrderShipped,
    key="order_id",
    hears=(OrderDelivered, ProductAdded),
    ends_on=OrderCancelled,
):
    async def steps(self) -> None:
        came = await self.wait_for(
            OrderDelivered, ProductAdded, timeout=self.cause.occurred_at + days(7)
        )
        if isinstance(came, OrderDelivered):
            await self.send(self.hello)
        elif came is None:
            await self.send(self.nudge)


def test_a_wait_has_an_arrow_for_each_event_that_ends_it_and_for_its_time() -> None:
    picture = draw(Waits)
    wait = "wait for Order Delivered or Product Added"
    assert labels(picture, Shape.WAIT) == [(wait, "until 7 days after the start")]
    assert arrows(picture) == {
        ("Order Shipped", "", wait),
        (wait, "time is up", "nudge"),
        (wait, "Order Delivered", "hello"),
        (wait, "Product Added", "exhausted"),
        ("hello", "", "exhausted"),
        ("nudge", "", "exhausted"),
        ("Order Cancelled", "", "stopped"),
    }


class Digests(Mails, name="digests", starts_on=ProductAdded, key="cart_id"):
    async def steps(self) -> None:
        while await self.collect(ProductAdded, for_=hours(1)):
            await self.send(self.hello)


def test_what_is_collected_decides() -> None:
    picture = draw(Digests)
    assert labels(picture, Shape.WAIT)[-1] == ("collect Product Added", "for 1 h")
    collect = "collect Product Added"
    assert arrows(picture) == {
        ("Product Added", "", collect),
        (collect, "", "hello"),
        ("hello", "", collect),
        (collect, "time is up", "exhausted"),
        (collect, "Product Added", "hello"),
    }


class Hears(Mails, name="hears", starts_on=SignedUp, hears=ProductViewed):
    async def steps(self) -> None:
        await self.sleep(days(1))
        looks = len(self.heard(ProductViewed))
        if looks > 2:
            await self.send(self.nudge)
        elif looks:
            await self.send(self.hello)


def test_what_was_heard_meanwhile_is_a_decision() -> None:
    found = arrows(draw(Hears))
    assert {(words, to) for source, words, to in found if source == "Product Viewed?"} == {
        ("no Product Viewed", "exhausted"),
        ("one Product Viewed", "hello"),
        ("several Product Viewed", "nudge"),
    }


class Restarts(
    Mails, name="restarts", starts_on=ProductAdded, key="cart_id", restarts_on=ProductAdded
):
    async def steps(self) -> None:
        await self.quiet_for(hours(6), of=ProductAdded)
        await self.send(self.hello)
        await self.sleep(days(2))
        await self.send(self.nudge)


def test_an_event_that_begins_the_steps_again_stands_beside_with_an_arrow_to_the_first() -> None:
    picture = draw(Restarts)
    assert labels(picture, Shape.EVENT) == [("Product Added", "at any other time")]
    assert ("Product Added", "", "6 h after the last Product Added") in arrows(picture)


class Kinds(Mails, name="kinds", starts_on=(OrderShipped, OrderDelivered), key="order_id"):
    told: ClassVar[dict[type[Event], str]] = {OrderShipped: "hello", OrderDelivered: "nudge"}

    async def steps(self) -> None:
        await self.sleep(hours(1))
        await self.send(getattr(self, self.told[type(self.cause)]))


def test_a_decision_by_the_event_that_began_the_steps_is_told_by_that_event() -> None:
    found = arrows(draw(Kinds))
    assert ("steps begun by?", "Order Shipped", "hello") in found
    assert ("steps begun by?", "Order Delivered", "nudge") in found


class Parcels(Mails, name="parcels", starts_on=OrderShipped, key="order_id"):
    async def steps(self) -> None:
        if isinstance(self.cause, OrderShipped) and self.cause.tracking_number:
            await self.send(self.hello)
        else:
            await self.send(self.nudge)


def test_a_decision_by_a_field_that_may_be_left_out_is_told_by_that_field() -> None:
    found = arrows(draw(Parcels))
    assert ("tracking_number?", "yes", "hello") in found
    assert ("tracking_number?", "no", "nudge") in found


# ---- what becomes of messages, loops, moments ----------------------------------------------


class Receipts(Mails, name="receipts", starts_on=SignedUp):
    async def steps(self) -> None:
        receipt = await self.send(self.hello)
        if receipt.reason is Reason.NO_ADDRESS:
            return
        await self.send(self.nudge)


def test_a_branch_on_a_reason_that_the_source_names_is_found() -> None:
    found = arrows(draw(Receipts))
    assert ("hello", "no address", "exhausted") in found
    assert ("hello", "else", "nudge") in found


class Ladder(Mails, name="ladder", starts_on=SignedUp, hears=ProductViewed):
    async def steps(self) -> None:
        for _ in range(3):
            if await self.wait_for(ProductViewed, timeout=days(1)):
                return
            await self.send(self.hello)
        await self.send(self.nudge)


def test_a_loop_that_counts_leads_back_and_its_way_out_is_found() -> None:
    found = arrows(draw(Ladder))
    assert ("wait for Product Viewed", "time is up", "hello") in found
    assert any(target == "wait for Product Viewed" for source, _, target in found if "?" in source)
    assert any(target == "nudge" for *_, target in found)


class Fails(Mails, name="fails", starts_on=SignedUp):
    async def steps(self) -> None:
        gift = await self.call(choose_gift)
        await self.send(self.hello, code=gift.code)  # type: ignore[union-attr]  # that is the point


def test_a_branch_on_which_the_steps_fail_is_drawn_as_what_it_is() -> None:
    assert ("call choose_gift", "it fails", "fails: AttributeError") in arrows(draw(Fails))


class Forgets(Mails, name="forgets", starts_on=SignedUp):
    async def steps(self) -> None:
        await self.send(self.hello)


def test_a_message_to_which_no_way_was_found_is_named() -> None:
    assert labels(draw(Forgets), Shape.NOTE) == [("no way was found to", "nudge")]


MISSED = (
    Reason.NO_CONSENT, Reason.TOO_LATE, Reason.NO_ADDRESS, Reason.CAP, Reason.SUPPRESSED,
)  # fmt: skip


class Names(Mails, name="names", starts_on=SignedUp):
    async def steps(self) -> None:
        if (await self.send(self.hello)).reason in MISSED:
            await self.send(self.nudge)


def test_of_many_fates_one_group_alone_is_called_else() -> None:
    found = arrows(draw(Names))
    assert ("hello", "else", "nudge") in found
    assert ("hello", "sent or not sent", "exhausted") in found, "for a reason that is not named"


class Broken(Mails, name="broken", starts_on=SignedUp):
    async def steps(self) -> None:
        raise ZeroDivisionError("by nothing")


def test_steps_that_always_fail_are_an_error_that_names_the_journey() -> None:
    with pytest.raises(BadProject, match="broken: its steps fail: ZeroDivisionError: by nothing"):
        draw(Broken)


class Chosen(
    Mails,
    name="chosen",
    starts_on=OrderCompleted,
    key="order_id",
    enters_if=(field("currency") == "EUR") & ~did(OrderCancelled),
    stays_if=~did(OrderCancelled),
):
    async def steps(self) -> None:
        await self.send(self.hello)


def test_the_rules_of_entry_stand_before_the_first_step() -> None:
    picture = draw(Chosen)
    assert labels(picture, Shape.QUESTION) == [
        ("may it start?", 'currency == "EUR" and not (Order Cancelled)')
    ]
    assert ("may it start?", "no", "no run") in arrows(picture)
    condition = ("a message leaves only if", "not (Order Cancelled)")
    assert condition in labels(picture, Shape.NOTE)


@pytest.mark.parametrize("journey", [Decides, Waits, Ladder])
def test_a_picture_is_the_same_each_time(journey: type[Journey]) -> None:
    assert draw(journey) == draw(journey)
