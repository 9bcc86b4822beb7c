"""A person of the shop answers what a run asks: by the page of a signed link."""

import os
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlmodel import select

from sojourn.domain.events import MessageReplied
from sojourn.domain.links import Task, task_token
from sojourn.domain.tasks import Closing, Opening
from sojourn.store import Store, ours, people, restrictions, tasks
from sojourn.store.tables import EventRow, TaskRow
from tests.support.axe import SIZES, faults, sized
from tests.support.browser import CHROMIUM, telephone
from tests.support.gateway_links import BROWSER, SECRET, alone
from tests.support.gateway_server import Served
from tests.support.node_packages import node_packages  # noqa: F401 (a fixture)

NOW = datetime.now(UTC)
SHOTS = os.environ.get("SCREENSHOTS")
WROTE = "It came broken. <b>What</b> now?"


@pytest_asyncio.fixture(scope="module", loop_scope="session", name="served")
async def gateway_served(store: Store) -> AsyncIterator[Served]:
    async with alone(store) as served:
        yield served


def asked(customer_id: str) -> Opening:
    return Opening(
        run=f"what-now:{customer_id}:o1", customer_id=customer_id, enrolment="e", cause="e",
        now=NOW, journey="what-now", question="refund", text="Refund the order?",
        answers={"yes": "Refund it", "no": "Keep the money"}, until=NOW + timedelta(hours=4),
    )  # fmt: skip


async def opened(store: Store) -> tuple[TaskRow, str]:
    """Open a task about a customer who has written; return it with the path of its page."""
    customer_id = f"c-{uuid4().hex[:8]}"
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        reply = MessageReplied(
            message_id=f"reply-{customer_id}", customer_id=customer_id, occurred_at=NOW, text=WROTE,
            channel="sms",
        )  # fmt: skip
        await ours.write(session, reply)
        await tasks.open_one(session, asked(customer_id), to_tell=False)
        row = (await session.exec(select(TaskRow).where(TaskRow.customer_id == customer_id))).one()
    assert row.id is not None
    return row, f"/t/{task_token(SECRET, Task(customer_id, row.id))}"


async def answers(store: Store, row: TaskRow) -> list[EventRow]:
    async with store.reading() as session:
        query = select(EventRow).where(
            EventRow.customer_id == row.customer_id, EventRow.name == "Task Answered"
        )
        return list((await session.exec(query)).all())


async def test_the_page_shows_the_question_and_what_was_said(served: Served, store: Store) -> None:
    row, path = await opened(store)
    page = await served.http.get(path, headers=BROWSER)
    assert page.status_code == 200
    for part in ("Refund the order?", "Keep the money", row.customer_id, "It came broken."):
        assert part in page.text
    assert "<b>What" not in page.text
    assert "no-store" in page.headers["cache-control"]
    assert await answers(store, row) == []


async def test_the_first_answer_counts_and_a_later_one_is_told_so(
    served: Served, store: Store
) -> None:
    row, path = await opened(store)
    first = await served.http.post(path, data={"wish": "yes", "by": "Ann"}, headers=BROWSER)
    assert "Already answered by Ann" in first.text
    later = await served.http.post(path, data={"wish": "no", "by": "Bob"}, headers=BROWSER)
    assert "Already answered by Ann" in later.text
    assert "Bob" not in later.text
    (event,) = await answers(store, row)
    assert event.properties["answer"] == "yes"
    assert event.properties["run"] == row.run


@pytest.mark.parametrize("form", [{"wish": "yes"}, {"wish": "perhaps", "by": "Ann"}, {"by": "Ann"}])
async def test_what_is_no_answer_is_refused(
    served: Served, store: Store, form: dict[str, str]
) -> None:
    row, path = await opened(store)
    answer = await served.http.post(path, data=form, headers=BROWSER)
    assert answer.status_code == 400
    assert await answers(store, row) == []


async def test_a_task_whose_time_is_up_says_so(served: Served, store: Store) -> None:
    row, path = await opened(store)
    over = Closing(
        task=row.task, customer_id=row.customer_id, question="refund", occurrence=1, now=row.until
    )
    async with store.transaction() as session:
        await tasks.close(session, over)
    page = await served.http.post(path, data={"wish": "yes", "by": "Ann"}, headers=BROWSER)
    assert "The time is up" in page.text
    assert await answers(store, row) == []


async def test_what_a_restricted_customer_wrote_is_not_shown(served: Served, store: Store) -> None:
    row, path = await opened(store)
    async with store.transaction() as session:
        await restrictions.begin(session, row.customer_id, why="asked", by="Ann")
    page = await served.http.get(path, headers=BROWSER)
    assert "It came broken." not in page.text
    assert "are kept but not used" in page.text


async def test_a_link_of_another_customer_or_a_damaged_one_shows_nothing(
    served: Served, store: Store
) -> None:
    row, path = await opened(store)
    other, _ = await opened(store)
    assert row.id is not None
    wrong = f"/t/{task_token(SECRET, Task(other.customer_id, row.id))}"
    assert (await served.http.get(wrong, headers=BROWSER)).status_code == 410
    assert (await served.http.get(f"{path}x", headers=BROWSER)).status_code == 404


@pytest.mark.long
@pytest.mark.skipif(shutil.which(CHROMIUM) is None, reason="Chromium is not installed")
@pytest.mark.parametrize("lang", ["en", "it", "pl"])
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_the_page_is_for_everybody(
    store: Store,
    tmp_path: Path,
    node_packages: Path,  # noqa: F811
    lang: str,
) -> None:
    async with (
        alone(store, locale=lang) as served,
        telephone(tmp_path / "profile", language="en", dark=lang == "pl") as tab,
    ):
        _, path = await opened(store)
        for number, size in enumerate(SIZES):
            await sized(tab, size)
            await tab.open(f"{served.url}{path}")
            assert await tab.ask("document.documentElement.lang") == lang
            if SHOTS:
                (Path(SHOTS) / f"task-{lang}-{number}.png").write_bytes(await tab.picture())
            assert await faults(tab, node_packages) == []
            wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            assert await tab.ask(wide) is False
