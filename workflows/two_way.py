"""Have a person of the shop answer customers who write back."""

from sojourn import Intent, Journey, Question, field, hours, minutes, working
from sojourn.events import MessageReplied
from workflows.times import OFFICE


class TwoWay(
    Journey,
    name="two-way",
    starts_on=MessageReplied,
    enters_if=field("intent") == Intent.OTHER,
    mutes=minutes(10),
):
    """A reply that is no plain yes, no, number, stop or help is for a person.

    The reply alone silences what is promotional for ten minutes, then the open task does. What is
    written within a minute is one task; what is written later opens the next one.
    """

    talk = Question(
        "A customer has written to us. Please answer.",
        answered="I have answered",
        nothing="There is nothing to answer",
    )

    async def steps(self) -> None:
        """Gather what is written in one go, then have somebody answer it."""
        await self.collect(MessageReplied, for_=minutes(1))
        within = working(hours(18), OFFICE)
        await self.person(self.talk, within=within, else_="nothing", silent=True)
