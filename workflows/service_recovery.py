"""Answer customers after something went wrong, by one person, until the matter is settled."""

from typing import Any

from activities.assign_owner import assign_owner
from activities.make_amends import make_amends
from activities.open_ticket import open_ticket
from sojourn import (
    EMAIL,
    SMS,
    TRANSACTIONAL,
    Journey,
    Message,
    Question,
    business_days,
    days,
    field,
    last,
)
from sojourn.events import (
    ComplaintReceived,
    ComplaintResolved,
    Event,
    OrderCancelled,
    OrderDelayed,
    OrderDelivered,
    SurveyAnswered,
)
from workflows.times import TEN


class ServiceRecovery(
    Journey,
    name="service-recovery",
    topic="service",
    starts_on=(ComplaintReceived, OrderDelayed, SurveyAnswered),
    key="case_id",
    goal=ComplaintResolved,
    hears=(OrderDelivered, OrderCancelled),
    mutes=days(30),
):
    """An apology at once, amends on day 1 at ten, local, word twice; then a person once more."""

    compensate = Question("Make amends by a code?", yes="Send a code", no="No code")
    apology = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(3))
    apology_delay = apology.variant()
    apology_survey = apology.variant()
    amends = Message(EMAIL, message_class=TRANSACTIONAL, useful_for=days(3))
    follow_up = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(2))
    second_follow_up = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(2))

    async def steps(self) -> None:
        """Apologise, make amends if the shop allows it, and stay with it until it is settled."""
        if isinstance(self.cause, OrderDelayed) and await self._has_come(self.cause):
            await self.tell(ComplaintResolved, case_id=self.key)
            return
        given = await self.call(assign_owner)
        owner = given.owner if given else ""
        await self.send(self._apology, owner=owner)
        task = f"Look after this customer until the case is settled: {self.key}"
        await self.call(open_ticket, subject=task)
        day = self.local(TEN, days=1, after=self.now())
        allowed = "no"  # a late order is made up for by its arrival
        if not isinstance(self.cause, OrderDelayed):
            allowed = await self.person(self.compensate, within=day - self.now(), else_="no")
        await self._wait(day)
        if allowed == "yes" and (made := await self.call(make_amends, case_id=self.key)):
            await self.send(self.amends, owner=owner, code=made.code, percent=made.percent)
        for word in (self.follow_up, self.second_follow_up):
            await self._wait(business_days(3))
            await self.send(word, owner=owner)
        await self._wait(business_days(3))
        await self.call(open_ticket, subject=f"Not settled yet: {self.key}")
        await self._wait(days(14))

    @property
    def _apology(self) -> Message:
        """The apology for what has happened."""
        kinds: dict[type[Event], Message] = {
            OrderDelayed: self.apology_delay,
            SurveyAnswered: self.apology_survey,
        }
        return kinds.get(type(self.cause), self.apology)

    async def _wait(self, span: Any) -> None:
        """Wait; if a late order comes meanwhile, or is off, the matter is settled: the goal."""
        if await self.wait_for(OrderDelivered, OrderCancelled, timeout=span, where=self._was_late):
            await self.tell(ComplaintResolved, case_id=self.key)

    async def _has_come(self, delayed: OrderDelayed) -> bool:
        """Tell whether the order came, or was off, before we heard that it would be late."""
        if not self.patched("has-come"):  # a run from before this was asked
            return False
        of_order = field("order_id") == delayed.order_id
        came = [last(OrderDelivered, where=of_order), last(OrderCancelled, where=of_order)]
        if number := delayed.tracking_number:  # another parcel of the order may have come
            has_one = field("tracking_number").is_known
            own = of_order & has_one & (field("tracking_number") == number)
            whole = of_order & ~has_one
            came[:1] = [last(OrderDelivered, where=where) for where in (own, whole)]
        for fact in came:
            ago = await self.ask(fact)
            if ago is not None and self.now() - ago >= delayed.occurred_at:
                return True
        return False

    def _was_late(self, event: Event) -> bool:
        """Tell whether an event is about the order or the parcel whose delay this is about."""
        late = self.cause
        if not isinstance(late, OrderDelayed) or getattr(event, "order_id", None) != late.order_id:
            return False
        came = getattr(event, "tracking_number", None)  # without one it is about the whole order
        return not (came and late.tracking_number) or came == late.tracking_number
