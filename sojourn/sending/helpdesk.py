"""`Helpdesk`: tells a helpdesk, by a signed webhook, which tasks opened and how they ended.

A task is claimed, posted, then noted as told. If a worker dies between the post and the note, the
task is posted again under the same id: the helpdesk may hear of it twice, but no crash loses it.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import structlog
from standardwebhooks import Webhook

from sojourn.domain.errors import CallFailed
from sojourn.domain.made_ids import digest
from sojourn.domain.tasks import TaskState
from sojourn.sending.signed import headers_of, post, signers_of
from sojourn.sending.task_page import page_of
from sojourn.settings import Settings
from sojourn.store import Store, tasks
from sojourn.store.tables import TaskRow

TIMEOUT = timedelta(seconds=10)
LEASE = 3 * TIMEOUT
"""The time after which a claimed task without a note is told again: its worker died."""
AT_ONCE = 10
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
MOST_TRIES = 20
"""Over about twelve hours; then the helpdesk has not been told, and `sojourn tasks` says so."""

log = structlog.stdlib.get_logger("sojourn.sending")


class Helpdesk:
    """The other end of ``SOJOURN_TASKS_WEBHOOK``.

    Args:
        store: open.
        settings: with the address and the secret.
        signers: one for each secret.
    """

    def __init__(self, store: Store, settings: Settings, signers: Sequence[Webhook]) -> None:
        self._store = store
        self._settings = settings
        self._signers = signers

    @classmethod
    def of(cls, store: Store, settings: Settings) -> "Helpdesk | None":
        """Return the helpdesk that the settings name; None if they name none.

        Args:
            store: open.
            settings: of this installation.

        Returns:
            The helpdesk.

        Raises:
            BadSetting: the address or the secret cannot be used; the text quotes neither.
        """
        url, secret = settings.tasks_webhook, settings.tasks_webhook_secret
        if not url:
            return None
        return cls(store, settings, signers_of("SOJOURN_TASKS_WEBHOOK", url, secret))

    async def tell(self, now: datetime) -> int:
        """Tell what is due.

        Args:
            now: by the machine's clock.

        Returns:
            How often the helpdesk was told something.
        """
        async with self._store.reading() as session:
            if not await tasks.any_to_tell(session, now):
                return 0
        async with self._store.transaction() as session:
            rows = await tasks.claim_to_tell(session, now, again=now + LEASE, limit=AT_ONCE)
        return sum(await asyncio.gather(*(self._tell(row, now) for row in rows)))

    async def _tell(self, row: TaskRow, now: datetime) -> bool:
        opened = row.state is TaskState.OPEN
        fault, asked = await self._post(row)
        again = None
        if fault:
            again = now + _wait(row.tries, asked) if row.tries < MOST_TRIES else None
            said = "told again later" if again else "given up: `sojourn tasks` shows it"
            log.warning("the helpdesk was not told", task=row.id, fault=fault, next=said)
        async with self._store.transaction() as session:
            await tasks.told(session, row, opened=opened, accepted=not fault, again=again)
        return not fault

    async def _post(self, row: TaskRow) -> tuple[str, timedelta | None]:
        """Post once; return what went wrong, and how long the helpdesk asks us to wait."""
        body = json.dumps(said_of(row, self._settings), ensure_ascii=False)
        name = f"task_{digest(row.task)}_{row.state.value}"
        try:
            status, _, asked = await post(
                self._settings.tasks_webhook, body, headers_of(self._signers, name, body), TIMEOUT
            )
        except (httpx.HTTPError, TimeoutError) as error:
            return f"no answer: {type(error).__name__}", None
        except CallFailed:  # it has taken the task; its answer is too long
            return "", None
        return ("" if 200 <= status < 300 else f"HTTP {status}"), asked


def said_of(row: TaskRow, settings: Settings) -> dict[str, object]:
    """Return what a helpdesk is told of a task: ids, the question's own words, and its page.

    Args:
        row: the task.
        settings: of this installation.

    Returns:
        The body, for JSON. No word of the customer is in it: the page has the conversation.
    """
    about: dict[str, object] = {
        "id": row.id,
        "customer_id": row.customer_id,
        "journey": row.journey,
        "run": row.run,
        "question": row.question,
        "text": row.text,
        "answers": row.answers,
        "opened_at": row.opened_at.isoformat(),
        "due": row.until.isoformat(),
        "url": page_of(row, settings),
        "state": row.state.value,
    }
    if row.state is TaskState.ANSWERED:
        about |= {"answer": row.answer, "by": row.answered_by}
    if row.state is TaskState.CLOSED:
        about["because"] = row.because
    kind = "opened" if row.state is TaskState.OPEN else row.state.value
    moment = row.ended_at or row.opened_at
    return {"type": f"task.{kind}", "timestamp": moment.isoformat(), "data": about}


def _wait(tries: int, asked: timedelta | None) -> timedelta:
    doubled: timedelta = FIRST_WAIT * 2 ** min(tries - 1, 12)
    return max(min(doubled, LONGEST_WAIT), asked or timedelta())
