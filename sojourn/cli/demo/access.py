"""The story of a customer who signs in."""

from datetime import UTC, datetime, timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import LoginCodeRequested, LoginSucceeded

MINUTE = timedelta(minutes=1)


async def _signs_in(guide: Guide) -> Played:
    who = await guide.customer("Marta", "it-IT")
    await guide.publish(
        LoginCodeRequested(
            customer_id=who,
            request_id="login1",
            code="482913",
            expires_at=datetime.now(UTC) + 10 * MINUTE,
        )
    )
    await guide.pass_time(who, MINUTE)
    await guide.publish(LoginSucceeded(customer_id=who, request_id="login1"))
    return await guide.tell("asks for a login code, and signs in with it", who, guide.noon)


SIGNING_IN = Tale("login-code", LoginCodeRequested, _signs_in)
