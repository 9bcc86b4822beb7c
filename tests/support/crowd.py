"""A crowd with the address of every test's customer: there it says nothing about who a person is.

Tests that share a store would else be one person who filled the same cart under many ids.
"""

from sojourn.store import Store
from sojourn.store.kin import MOST_IDS
from sojourn.store.tables import CustomerRow
from sojourn.testkit.kit import EVERYTHING

EMAILS = (str(EVERYTHING["email"]), "new@shop.example", "ada@example.com")
"""The addresses that many tests give to their customers."""


async def crowd(store: Store) -> None:
    """Make so many customers with the usual addresses that they are nobody's."""
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
