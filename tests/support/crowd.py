"""A crowd with the address of every test's customer, so that the address does not identify anybody.

Otherwise the customers of tests that share a store would be one person with many ids.
"""

from sojourn.store import Store
from sojourn.store.kin import MOST_IDS
from sojourn.store.tables import CustomerRow
from sojourn.testkit.kit import EVERYTHING

EMAILS = (str(EVERYTHING["email"]), "new@shop.example", "ada@example.com")
"""The addresses that many tests give to their customers."""


async def crowd(store: Store) -> None:
    """Create so many customers with the usual addresses that these identify nobody."""
    async with store.transaction() as session:
        session.add_all(
            CustomerRow(
                customer_id=f"crowd-{number}-{email}",
                email=email,
                phone=str(EVERYTHING["phone"]),
            )
            for number in range(MOST_IDS + 1)
            for email in EMAILS
        )
