"""The stories of the shipped journeys."""

from datetime import UTC, datetime, timedelta

from sojourn.cli.demo.access import SIGNING_IN
from sojourn.cli.demo.bookings import BOOKINGS
from sojourn.cli.demo.browsing import BROWSING
from sojourn.cli.demo.caring import CARING
from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.parcels import PARCELS
from sojourn.cli.demo.paying import PAYING
from sojourn.cli.demo.regulars import REGULARS
from sojourn.cli.demo.tale import Tale
from sojourn.cli.demo.trying import TRYING
from sojourn.cli.demo.watching import WATCHING
from sojourn.cli.demo.writing import WRITING
from sojourn.domain.events import (
    AccountActivated,
    EmailLinkClicked,
    FeatureUsed,
    OptInRequested,
    OrderCompleted,
    ProductAdded,
    SignedUp,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.domain.topics import Topics

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAMP = {
    "product_id": "p1",
    "name": "Reading lamp",
    "price": "49.90",
    "currency": "EUR",
    "quantity": 1,
}
RUG = {"product_id": "p2", "name": "Wool rug", "price": "129.00", "currency": "EUR", "quantity": 1}


async def _leaves_a_cart(guide: Guide) -> Played:
    who = await guide.customer("Giulia", "it-IT")
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart1", **LAMP))
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart1", **RUG))
    await guide.pass_time(who, 8 * DAY)
    return await guide.tell("leaves a cart and never comes back", who, guide.noon)


async def _buys_after_the_reminder(guide: Guide) -> Played:
    who = await guide.customer("Tom", "en-GB")
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart2", **LAMP))
    await guide.pass_time(who, 30 * HOUR)
    await guide.publish(OrderCompleted(customer_id=who, cart_id="cart2", order_id="o1"))
    await guide.pass_time(who, 8 * DAY)
    return await guide.tell("buys after the reminder: no nudge, no offer", who, guide.noon)


async def _shops_at_night(guide: Guide) -> Played:
    who = await guide.customer("Zofia", "pl-PL", timezone=guide.night)
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart3", **RUG))
    await guide.pass_time(who, 40 * HOUR)
    return await guide.tell("shops late: the reminder waits for the morning", who, guide.night)


async def _agreed_to_sms_only(guide: Guide) -> Played:
    who = await guide.customer("Marek", "pl-PL", marketingConsent={"sms": True}, pushToken="")
    await guide.publish(ProductAdded(customer_id=who, cart_id="cart4", **LAMP))
    await guide.pass_time(who, 8 * DAY)
    return await guide.tell("agreed to SMS only", who, guide.noon)


async def _signs_up_and_is_lost(guide: Guide) -> Played:
    who = await guide.customer("Anna", "it-IT")
    await guide.publish(SignedUp(customer_id=who))
    await guide.publish(FeatureUsed(customer_id=who, feature="wishlist"))
    await guide.pass_time(who, 8 * DAY)
    return await guide.tell("signs up, tries one feature, needs help", who, guide.noon)


async def _signs_up_and_gets_going(guide: Guide) -> Played:
    who = await guide.customer("Emily", "en-GB")
    await guide.publish(SignedUp(customer_id=who))
    await guide.publish(EmailLinkClicked(customer_id=who, journey="onboarding", step="welcome"))
    await guide.pass_time(who, 2 * DAY)
    await guide.publish(AccountActivated(customer_id=who))
    return await guide.tell("clicks in the welcome, then activates the account", who, guide.noon)


async def _renews_once(guide: Guide) -> Played:
    who = await guide.customer("Luca", "it-IT")
    end = datetime.now(UTC) + 20 * DAY
    await guide.publish(
        SubscriptionStarted(customer_id=who, subscription_id="s1", expires_at=end, plan="Plus")
    )
    await guide.pass_time(who, 15 * DAY)
    await guide.publish(
        SubscriptionRenewed(
            customer_id=who, subscription_id="s1", expires_at=end + 30 * DAY, plan="Plus"
        )
    )
    await guide.pass_time(who, 40 * DAY)
    return await guide.tell(
        "renews after the first reminder; then lets it run out", who, guide.noon
    )


async def _asks_for_messages(guide: Guide) -> Played:
    who = await guide.customer("Nora", "en-GB", marketingConsent={"email": False})
    topic = asked_for(guide.topics)
    await guide.publish(OptInRequested(customer_id=who, channel="email", topic=topic))
    await guide.pass_time(who, 4 * DAY)
    await guide.agree(who, "email", topic)
    await guide.pass_time(who, 4 * DAY)
    wish = {"newsletter": "the newsletter", "": "e-mails"}.get(topic, f'e-mails on "{topic}"')
    return await guide.tell(f"asks for {wish}, and confirms it after the reminder", who, guide.noon)


def asked_for(topics: Topics) -> str:
    """Return a topic to ask for: the newsletter, or else one of the project's; empty for any."""
    if not topics.declared or "newsletter" in topics:
        return "newsletter"
    return next((topic.id for topic in topics.values() if topic.can_be_refused), "")


SHIPPED = (
    Tale("abandoned-cart", ProductAdded, _leaves_a_cart),
    Tale("abandoned-cart", ProductAdded, _buys_after_the_reminder),
    Tale("abandoned-cart", ProductAdded, _shops_at_night),
    Tale("abandoned-cart", ProductAdded, _agreed_to_sms_only),
    BROWSING,
    WRITING,
    Tale("double-opt-in", OptInRequested, _asks_for_messages),
    Tale("onboarding", SignedUp, _signs_up_and_is_lost),
    Tale("onboarding", SignedUp, _signs_up_and_gets_going),
    Tale("renewal", SubscriptionStarted, _renews_once),
    CARING,
    *REGULARS,
    *BOOKINGS,
    *PAYING,
    *PARCELS,
    SIGNING_IN,
    WATCHING,
    TRYING,
)
