"""A provider is down for six hours: only the messages that are still useful arrive afterwards.

In virtual time: Temporal retries for all of it, and the journeys' clock says how long that took.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import Client

from sojourn.channels.postmark import Postmark
from sojourn.cli.local.processes import free_port
from sojourn.dispatch import Sojourn
from sojourn.domain.customer import read_identity
from sojourn.domain.events import SignedUp
from sojourn.domain.messages import Channel, Outcome, Result
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, attempts, ledger
from sojourn.testkit.fakes import serving
from sojourn.testkit.fakes.postmark import FakePostmark
from tests.support.outage_journey import USEFUL, Onboarding

DOWN = timedelta(hours=6)
EVERY = timedelta(hours=1)


async def test_useful_messages_arrive_after_a_providers_outage(
    time_skipping_client: Client, journey_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, port = FakePostmark(), free_port()
    fake.url = f"http://127.0.0.1:{port}"  # nothing listens there yet
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    client = time_skipping_client
    queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
    carriers = {Channel.EMAIL: Postmark(journey_settings)}
    async with await Store.open(journey_settings.store_url) as store:
        async with worker.serving(
            client,
            store,
            journey_settings,
            task_queue=queue,
            channels=[Channel.EMAIL],
            carriers=carriers,
            workflows=[Onboarding],
        ):
            sojourn = Sojourn(
                client,
                store,
                journey_settings,
                task_queue=queue,
                now=lambda: datetime.max.replace(
                    tzinfo=UTC
                ),  # the journeys' clock is not the machine's
            )
            signed_up = [await _sign_up(sojourn) for _ in range(int(DOWN / EVERY))]
            async with serving(fake, port):
                await _let_pass(client, timedelta(hours=1))
                results = [
                    await client.get_workflow_handle(
                        f"onboarding:{who}", result_type=Result
                    ).result()
                    for who in signed_up
                ]
        async with store.reading() as session:
            rows = await ledger.every(session)
            tried = await attempts.of_messages(
                session, [row.id for row in rows if row.id is not None]
            )

    assert {result.outcome for result in results} == {Outcome.EXHAUSTED}
    told = {
        who: {m.step: m.status.value for m in r.messages}
        for who, r in zip(signed_up, results, strict=True)
    }
    for n, who in enumerate(signed_up):
        left = DOWN - n * EVERY  # of the outage, when they signed up
        assert told[who] == {"welcome": "expired" if left > USEFUL else "sent", "tips": "sent"}
    sent = Counter(row.reference for row in rows if row.state == "sent")
    assert Counter(order.reference for order in fake.accepted) == sent
    assert {attempt.state for each in tried.values() for attempt in each} == {
        "released",
        "accepted",
    }


async def _sign_up(sojourn: Sojourn) -> str:
    """Sign a customer up, then let some time pass."""
    who, now = f"c-{uuid4().hex[:8]}", await _now(sojourn.client)
    await sojourn.identify(
        read_identity(
            {"email": f"{who}@shop.example", "marketingConsent": {"email": True}},
            customer_id=who,
            message_id=f"i-{who}",
            at=now,
        )
    )
    await sojourn.publish(SignedUp(customer_id=who, occurred_at=now))
    await _let_pass(sojourn.client, EVERY)
    return who


async def _let_pass(client: Client, span: timedelta) -> None:
    request = SleepRequest()
    request.duration.FromTimedelta(span)
    await client.test_service.unlock_time_skipping_with_sleep(request)


async def _now(client: Client) -> datetime:
    return (await client.test_service.get_current_time(Empty())).time.ToDatetime(tzinfo=UTC)
