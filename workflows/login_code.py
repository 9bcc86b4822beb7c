"""Send customers the code that they sign in with."""

from datetime import datetime
from typing import cast

from sojourn import AUTHENTICATION, ONCE, PUSH, SMS, Journey, Limits, Message, hours, minutes
from sojourn.events import LoginCodeRequested, LoginSucceeded


class LoginCode(
    Journey,
    name="login-code",
    topic="login",
    starts_on=LoginCodeRequested,
    key="request_id",
    goal=LoginSucceeded,
    again=ONCE.per_key,
    limits=Limits(customer=5, address=5, network=30, per=hours(1)),
):
    """The code, at once and once; never after it has expired or was used."""

    code = Message(SMS, PUSH, message_class=AUTHENTICATION, useful_for=minutes(10))

    async def steps(self) -> None:
        """Send it, and wait for its use until it expires."""
        await self.send(self.code, until=self.expires_at)
        await self.sleep_until(self.expires_at)

    @property
    def expires_at(self) -> datetime:
        """The moment from which on the shop no longer accepts the code."""
        return cast(LoginCodeRequested, self.cause).expires_at
