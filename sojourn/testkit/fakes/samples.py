"""A sample message for each channel."""

from collections.abc import Mapping

from sojourn.domain.content import Content
from sojourn.domain.messages import Channel

ADDRESSES: Mapping[Channel, str] = {
    Channel.EMAIL: "anna@shop.example",
    Channel.SMS: "+393331234567",
    Channel.WHATSAPP: "+393331234567",
    Channel.PUSH: "device-token-1",
}


def content(channel: Channel) -> Content:
    """Return a short message, with letters outside ASCII if the channel takes them."""
    match channel:
        case Channel.EMAIL:
            return Content(
                channel=channel,
                template="abandoned-cart/reminder.email.en",
                locale="en",
                subject="Caffè, Anna? Żółty kubek is waiting",
                html="<p>Your cart is <b>as you left it</b>.</p>",
                text="Your cart is as you left it.\n",
                headers={
                    "List-Unsubscribe": "<https://shop.example/u/t>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                },
            )
        case Channel.PUSH:
            return Content(
                channel=channel,
                template="abandoned-cart/nudge.push.en",
                locale="en",
                title="Your cart is waiting",
                body="Żółty kubek is still there",
                url="https://shop.example/cart",
                image="https://shop.example/cup.png",
                collapse_key="cart",
            )
        case _:
            return Content(
                channel=channel,
                template=f"abandoned-cart/nudge.{channel}.en",
                locale="en",
                text="Your cart is waiting: https://shop.example/cart",
                segments=1,
            )
