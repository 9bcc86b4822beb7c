"""Start the renewal journey for every subscription of an export.

``python -m starter.renewals subscriptions.csv`` reads the columns customer_id, subscription_id,
expires_at and, where it is known, plan. It may run again: a subscription starts once.

`sojourn start renewal --file` does the same from the shell, at a rate and with a dry run; write a
script of your own if reading the export takes code.
"""

import asyncio
import csv
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sojourn import Sojourn
from sojourn.events import SubscriptionStarted

AT_ONCE = 20


def subscriptions(file: Path) -> Iterator[SubscriptionStarted]:
    """Read an export, one event a line.

    Raises:
        KeyError: a column is missing.
        ValueError: a line does not fit the event.
    """
    with file.open(newline="") as lines:
        for line in csv.DictReader(lines):
            yield SubscriptionStarted(
                # made from what it says, so that a second run of the script changes nothing
                message_id=f"export:{line['subscription_id']}:{line['expires_at']}",
                customer_id=line["customer_id"],
                subscription_id=line["subscription_id"],
                expires_at=datetime.fromisoformat(line["expires_at"]),
                plan=line.get("plan") or None,
            )


async def start_all(file: Path) -> int:
    """Start a run for each subscription, a few at a time.

    Returns:
        How many subscriptions were new.
    """
    begun = 0
    places = asyncio.Semaphore(AT_ONCE)

    async with Sojourn.connect() as sojourn:

        async def start(event: SubscriptionStarted) -> None:
            nonlocal begun
            async with places:
                published = await sojourn.publish(event)
            begun += published.stored

        async with asyncio.TaskGroup() as group:
            for event in subscriptions(file):
                group.create_task(start(event))
    return begun


if __name__ == "__main__":
    print(f"{asyncio.run(start_all(Path(sys.argv[1])))} subscriptions were started")
