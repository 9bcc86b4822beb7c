"""A service that tells Sojourn what its customers do. It needs `make dev` running."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

from sojourn import Sojourn, read_identity
from sojourn.events import ProductAdded


async def main() -> None:
    """Make a customer known, then put a lamp into her cart."""
    async with Sojourn.connect() as sojourn:  # once for the life of the service
        ada = read_identity(
            {
                "firstName": "Ada",
                "email": "ada@shop.example",
                "phone": "+393201234567",
                "locale": "it-IT",
                "timezone": "Europe/Rome",
                "marketingConsent": {"email": True, "sms": True},
            },
            customer_id="c42",
            message_id="identify-c42-1",
            at=datetime.now(UTC),
        )
        await sojourn.identify(ada)
        event = ProductAdded(
            customer_id="c42",
            cart_id="cart7",
            product_id="lamp",
            name="Reading lamp",
            price=Decimal("49.90"),
            currency="EUR",
        )
        published = await sojourn.publish(event)
        print(f"{event.event_name} reached {', '.join(published.runs)}")


if __name__ == "__main__":
    asyncio.run(main())
