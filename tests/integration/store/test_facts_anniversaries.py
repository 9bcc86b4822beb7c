"""Anniversaries in both databases: each way to write a date, against the definition."""

from datetime import UTC, date, datetime
from itertools import product

from sqlmodel import col

from sojourn import anniversary, trait
from sojourn.domain.customer import Customer
from sojourn.domain.facts import Answers, asked_on, judge
from sojourn.store import Store
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders
from sojourn.store.tables import CustomerRow

NOW = datetime(2024, 1, 8, 12, tzinfo=UTC)
DATES = [
    "1990-01-08", "2024-01-08", "2023-01-08", "2025-01-08", "01-08", "--01-08", "02-29", "--02-29",
    "2020-02-29", "1990-02-28", "1990-02-30", "--02-30", "2024-01-08T23:00:00Z",
    "2023-01-08T23:59:59-13:30", "8.1.1990", "-01-08", "---01-08", "1-008", "",
    19900108, None, ["1990-01-08"],
]  # fmt: skip
DAYS = ["2024-01-08", "2025-01-08", "2024-02-28", "2024-02-29", "2025-02-28", "2025-03-01"]


async def test_sql_reads_dates_as_the_definition_does(store: Store) -> None:
    ids = [f"dated-{number}" for number in range(len(DATES))]
    async with store.transaction() as session:
        for one, value in zip(ids, DATES, strict=True):
            row = CustomerRow(customer_id=one, identified_at=NOW, attributes={"birthday": value})
            session.add(row)
    for day, leap in product(DAYS, ("02-28", "03-01")):
        fact = asked_on(anniversary(trait("birthday"), leap=leap), date.fromisoformat(day))
        expected = {
            one: judge(fact, Answers(NOW, Customer(one, attributes={"birthday": value}))).holds
            for one, value in zip(ids, DATES, strict=True)
        }
        found: dict[str, bool | None] = dict.fromkeys(ids)
        async with store.reading() as session:
            connection = await session.connection()
            for holds, asked in ((True, fact), (False, ~fact)):
                query = holders(asked, NOW, postgresql=is_postgresql(session))
                mine = query.where(col(CustomerRow.customer_id).in_(ids))
                for (one,) in await connection.execute(mine):
                    found[one] = holds
        assert found == expected, (day, leap)
