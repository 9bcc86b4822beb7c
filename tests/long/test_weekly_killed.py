"""A worker that is killed while it sends the weekly report: each reader gets it, and it is one."""

import asyncio
import signal
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from sojourn.cli.local.processes import HOST
from sojourn.cli.local.stack import Server
from sojourn.domain.calendar import zone
from sojourn.domain.recurring import weekly
from sojourn.insight.weekly import scheduling, workflow
from sojourn.insight.weekly.figures import week_before
from sojourn.store import Store
from tests.long.test_worker import started
from tests.support.weekly import TO, lived, mailing


async def test_a_worker_killed_while_the_server_has_the_email(
    own_temporal: Server, tmp_path: Path
) -> None:
    client = own_temporal.client
    monday = week_before(datetime.now(UTC), zone("UTC"))
    async with await Store.open(f"sqlite:///{tmp_path}/worker.db", migrate=True) as store:
        await lived(store, monday)
    with mailing() as mail:
        env = {
            "SOJOURN_EMAIL_PROVIDER": "smtp",
            "SOJOURN_SMTP_HOST": HOST,
            "SOJOURN_SMTP_PORT": str(mail.port),
            "SOJOURN_SMTP_SECURITY": "none",
            "SOJOURN_WEEKLY_TO": ",".join(TO),
        }
        mail.hang_after_data = True
        async with started(own_temporal, tmp_path, env=env) as workers:
            await scheduling.schedule(client, weekly("mon", at="08:00"), "UTC")
            await client.get_schedule_handle(scheduling.SCHEDULE).trigger()
            await asyncio.wait_for(asyncio.to_thread(mail.taken.wait), 60)
            assert workers.child.pid is not None
            psutil.Process(workers.child.pid).send_signal(signal.SIGKILL)
            await workers.child.wait()
        mail.hang_after_data = False
        async with started(own_temporal, tmp_path, env=env):
            week = client.get_workflow_handle(f"{workflow.PREFIX}{monday}", result_type=dict)
            # a dead worker's activity is given to another one after its time
            patience = workflow.TIMEOUT + timedelta(seconds=60)
            assert await asyncio.wait_for(week.result(), patience.total_seconds()) == {"sent": 2}
    names = defaultdict(set)
    for one in mail.accepted:
        names[one["To"]].add(one["Message-ID"])
    assert set(names) == set(TO)
    assert all(len(some) == 1 for some in names.values()), "what came twice has one name"
