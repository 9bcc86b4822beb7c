"""A worker that is killed while it tells the helpdesk: nothing is lost, and the id is the same."""

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path

import psutil

from sojourn.cli.local.stack import Server
from sojourn.sending.helpdesk import LEASE
from sojourn.store import Store
from tests.long.test_worker import started
from tests.support.helpdesk import NEW, helpdesk_of


async def test_a_worker_killed_between_the_post_and_its_note(
    own_temporal: Server, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/worker.db"
    async with await Store.open(url, migrate=True) as store, helpdesk_of(store, "c1") as desk:
        env = {"SOJOURN_TASKS_WEBHOOK": desk.url, "SOJOURN_TASKS_WEBHOOK_SECRET": NEW}
        posted = asyncio.Event()

        async def seen() -> None:
            posted.set()

        desk.on_post, desk.answers = seen, [5.0]
        async with started(own_temporal, tmp_path, env=env) as workers:
            await desk.open()
            await asyncio.wait_for(posted.wait(), 30)
            assert workers.child.pid is not None
            psutil.Process(workers.child.pid).send_signal(signal.SIGKILL)
            await workers.child.wait()
        row = await desk.row()
        assert row.opened_told_at is None
        assert row.tell_at is not None
        assert row.tell_at <= datetime.now(UTC) + LEASE
        async with store.transaction() as session:  # as if that time had passed
            row.tell_at = datetime.now(UTC)
            session.add(row)
        posted.clear()
        async with started(own_temporal, tmp_path, env=env) as workers:
            await asyncio.wait_for(posted.wait(), 30)
            await workers.logged("told the helpdesk", 1)
        (first, _), (second, _) = desk.said
        assert first == second
        assert (await desk.row()).opened_told_at is not None
