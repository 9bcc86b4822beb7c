"""The figures of a week, beside those of the week before."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.insight.reporting.figures import Asked, Report
from sojourn.insight.reporting.reading import read
from sojourn.project import Project

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


@dataclass(frozen=True)
class Weekly:
    """The figures of a week.

    Args:
        first: its Monday.
        report: its figures.
        before: those of the week before.
    """

    first: date
    report: Report
    before: Report

    @property
    def last(self) -> date:
        """Its Sunday."""
        return self.first + WEEK - DAY


def week_before(moment: datetime, tz: ZoneInfo) -> date:
    """Return the Monday of the last week that was over at a moment.

    Args:
        moment: when the report is due.
        tz: the installation's time zone.
    """
    return week_of(moment.astimezone(tz).date()) - WEEK


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - day.weekday() * DAY


async def read_week(session: AsyncSession, project: Project, first: date, tz: ZoneInfo) -> Weekly:
    """Read the figures of a week.

    Args:
        session: any session.
        project: knows journeys and campaigns.
        first: a Monday.
        tz: the installation's time zone, in which days begin.

    Returns:
        The figures. Experiments are left out: theirs are of all days.
    """

    async def of(monday: date) -> Report:
        until = (monday + WEEK - DAY).isoformat()
        asked = Asked(tz, since=monday.isoformat(), until=until)
        return await read(session, project, asked, experiments=False)

    return Weekly(first, await of(first), await of(first - WEEK))
