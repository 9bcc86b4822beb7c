"""Made-up results of activities: the same at any time, unless a moment is in them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sojourn import Context, NonPersonal, activity
from sojourn.domain.calls import Asked, Reply
from sojourn.in_memory.world import done
from sojourn.settings import Settings
from tests.support.in_memory import world_of
from tests.support.project import PROJECT

AT = datetime(2026, 3, 5, 12, tzinfo=UTC)


class Ticket(NonPersonal):
    number: str


class Slot(NonPersonal):
    day: date


@activity
async def open_ticket(context: Context) -> Ticket:
    raise NotImplementedError


@activity
async def find_slot(context: Context) -> Slot:
    raise NotImplementedError


async def test_a_result_with_a_moment_in_it_is_made_up_anew(tmp_path: Path) -> None:
    activities = {one.name: one for one in (open_ticket, find_slot)}
    project = replace(PROJECT, activities=activities)
    world = world_of(project, Settings(home=tmp_path, quiet_hours=None), AT)

    def told(name: str, now: datetime) -> Reply:
        about = {"run": "r", "journey": "j", "customer_id": "c", "enrolment": "e", "cause": "e"}
        return done(world.call(Asked(activity=name, now=now, **about)))

    for days in (0, 1, 400):
        now = AT + timedelta(days=days)
        assert told("open_ticket", now).result == {"number": "number-1"}
        day = (now + timedelta(days=30)).date()
        assert told("find_slot", now).result == {"day": day.isoformat()}
