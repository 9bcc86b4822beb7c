"""The helpdesk hears of each task: signed, under one id however often, and never not at all."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.responses import Response

from sojourn.domain.errors import BadInput, BadSetting
from sojourn.insight.tasks import task_of
from sojourn.sending import helpdesk
from sojourn.sending.helpdesk import LEASE, LONGEST_WAIT, MOST_TRIES, Helpdesk
from sojourn.settings import Settings
from sojourn.store import Store, tasks
from sojourn.store.rights import erasing
from tests.support.helpdesk import NEW, OLD, SECOND, FakeHelpdesk, helpdesk_of


@pytest_asyncio.fixture(loop_scope="session", name="desk")
async def listening(store: Store, customer_id: str) -> AsyncIterator[FakeHelpdesk]:
    async with helpdesk_of(store, customer_id) as desk:
        yield desk


async def test_an_open_task_is_told_once_with_the_link_to_answer_it(desk: FakeHelpdesk) -> None:
    row = await desk.open()
    await desk.tell()
    await desk.tell()
    ((_, said),) = desk.said
    data = said["data"]
    assert said["type"] == "task.opened"
    assert data.pop("url").startswith("http://localhost:8080/t/")
    assert data == {
        "id": row.id,
        "customer_id": desk.customer_id,
        "journey": "what-now",
        "run": row.run,
        "question": "refund",
        "text": "Refund the order?",
        "answers": {"yes": "Refund it", "no": "Keep the money"},
        "opened_at": row.opened_at.isoformat(),
        "due": row.until.isoformat(),
        "state": "open",
    }
    assert task_of(await desk.row()).told() == "it knows"


async def test_the_answer_is_told_with_who_gave_it(desk: FakeHelpdesk) -> None:
    await desk.open()
    await desk.tell()
    await desk.answer()
    await desk.tell()
    (first, _), (second, said) = desk.said
    assert desk.kinds == ["task.opened", "task.answered"]
    assert first != second
    assert (said["data"]["answer"], said["data"]["by"]) == ("yes", "Ann")


async def test_a_task_whose_time_is_up_is_told_alone_if_nobody_knew_it(desk: FakeHelpdesk) -> None:
    await desk.open()
    await desk.expire()
    await desk.tell()
    await desk.tell()
    assert desk.kinds == ["task.expired"]


@pytest.mark.parametrize("secret", [NEW, OLD])
async def test_both_secrets_sign_while_one_is_exchanged(desk: FakeHelpdesk, secret: str) -> None:
    desk.secret = secret
    await desk.open()
    await desk.tell()
    assert desk.kinds == ["task.opened"]


async def test_a_worker_that_dies_after_the_post_leads_to_the_same_id(desk: FakeHelpdesk) -> None:
    await desk.open()
    posted = asyncio.Event()

    async def seen() -> None:
        posted.set()

    desk.on_post, desk.answers = seen, [0.5]
    dying = asyncio.create_task(desk.tell())
    await posted.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    desk.on_post = None
    await desk.tell(after=SECOND)
    assert len(desk.said) == 1  # it may be at work yet
    await desk.tell(after=LEASE)
    await desk.tell(after=LEASE)
    (first, _), (second, _) = desk.said
    assert first == second


async def test_what_ends_while_it_is_told_is_told_next(desk: FakeHelpdesk) -> None:
    await desk.open()
    desk.on_post = desk.answer
    await desk.tell()
    desk.on_post = None
    await desk.tell()
    assert desk.kinds == ["task.opened", "task.answered"]
    await desk.tell(after=LONGEST_WAIT)
    assert len(desk.said) == 2


async def test_a_helpdesk_that_fails_is_asked_less_and_less_often(desk: FakeHelpdesk) -> None:
    await desk.open()
    desk.answers = [503, 401, Response(status_code=429, headers={"Retry-After": "600"})]
    await desk.tell()
    assert task_of(await desk.row()).told() == "it is told again: 1 tries failed"
    for after, times in ((14, 1), (2, 2), (28, 2), (3, 3), (590, 3), (11, 4), (3600, 4)):
        await desk.tell(after=after * SECOND)
        assert len(desk.said) == times
    assert len({name for name, _ in desk.said}) == 1
    assert task_of(await desk.row()).told() == "it knows"


async def test_after_many_tries_it_is_given_up_and_said(
    desk: FakeHelpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helpdesk, "MOST_TRIES", 3)
    assert MOST_TRIES > 3
    row = await desk.open()
    desk.answers = [500, 302, 404]
    for _ in range(5):
        await desk.tell(after=LONGEST_WAIT)
    assert len(desk.said) == 3
    assert task_of(await desk.row()).told() == "not told: given up after 3 tries"
    async with desk.store.transaction() as session:
        assert row.id in [one.id for one in await tasks.untold(session, limit=1000)]
        await tasks.tell_again(session, await tasks.required(session, row.id or 0))
    await desk.tell(after=LONGEST_WAIT)
    assert task_of(await desk.row()).told() == "it knows"


async def test_an_end_is_told_although_the_beginning_was_given_up(
    desk: FakeHelpdesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helpdesk, "MOST_TRIES", 1)
    await desk.open()
    desk.answers = [500]
    await desk.tell()
    await desk.answer()
    await desk.tell()
    assert desk.kinds == ["task.opened", "task.answered"]


async def test_of_an_erased_customer_nothing_is_told(desk: FakeHelpdesk) -> None:
    await desk.open()
    async with desk.store.transaction() as session:
        await erasing.begin(session, desk.customer_id, why="asked", by="anna")
    await desk.tell()
    assert desk.said == []


async def test_a_task_from_before_there_was_a_helpdesk_is_not_told(desk: FakeHelpdesk) -> None:
    row = await desk.open(to_tell=False)
    await desk.answer()
    await desk.tell()
    assert desk.said == []
    with pytest.raises(BadInput, match="SOJOURN_TASKS_WEBHOOK"):
        async with desk.store.transaction() as session:
            await tasks.tell_again(session, await tasks.required(session, row.id or 0))


@pytest.mark.parametrize(
    ("url", "secret", "fault"),
    [
        ("http://desk.example/hook", NEW, "must begin with https://"),
        ("https://ann:pass-word@desk.example", NEW, "must not have a user"),
        ("desk.example", NEW, "must begin with https://"),
        ("https://desk.example/hook", "", "SECRET is not set"),
        ("https://desk.example/hook", "whsec_?", "is not a secret like whsec_"),
    ],
)
async def test_what_cannot_be_used_is_refused_at_the_start(
    store: Store, url: str, secret: str, fault: str
) -> None:
    settings = Settings(tasks_webhook=url, tasks_webhook_secret=SecretStr(secret))
    with pytest.raises(BadSetting, match=fault) as refused:
        Helpdesk.of(store, settings)
    assert "pass-word" not in str(refused.value)
    assert Helpdesk.of(store, Settings()) is None
