"""A new version of the words on a left cart, alone in a file: the sandbox loads all of it."""

from activities.issue_code import issue_code
from sojourn import EMAIL, Message, Question, days, hours
from sojourn.events import ProductViewed
from workflows.abandoned_cart import AbandonedCart


class Gentler(AbandonedCart, name="abandoned-cart-gentler", instead_of=AbandonedCart):
    """The first word comes sooner, and there is no third one."""

    reminder = Message(EMAIL, useful_for=hours(24))
    offer = Message(EMAIL, useful_for=days(2))
    worth_it = Question("Is this cart worth a call?", yes="Yes", no="No")

    async def steps(self) -> None:
        """Do all that must have no effect in shadow."""
        await self.sleep(hours(6))
        await self.send(self.reminder)
        await self.note(reminded_gently=True)
        await self.tell(ProductViewed, product_id="p-of-the-shadow")
        answer = await self.person(self.worth_it, within=hours(4), else_="nobody", silent=True)
        code = await self.call(issue_code, percent=10)
        await self.sleep(days(1))
        await self.send(self.offer, code=code.code if code and answer == "nobody" else "")
