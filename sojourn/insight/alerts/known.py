"""`Known`: the parts of a project and its installation that alerts are judged by."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sojourn.domain.calendar import zone
from sojourn.domain.public_holidays import holiday, read_place
from sojourn.project import Project
from sojourn.settings import Settings


@dataclass(frozen=True)
class Known:
    """A project, and the days on which its shop is open.

    Args:
        project: its journeys, events, audiences and campaigns.
        tz: of the installation.
        places: on whose common holidays nothing is expected.
    """

    project: Project
    tz: ZoneInfo
    places: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, project: Project, settings: Settings) -> "Known":
        """Know an installation.

        Args:
            project: its journeys, events, audiences and campaigns.
            settings: its zone and its holidays.

        Returns:
            Ready to judge by.
        """
        places = tuple(read_place(one) for one in settings.alerts_holidays)
        return cls(project, zone(settings.timezone), places)

    @property
    def journeys(self) -> Mapping[str, Any]:
        """The journeys of which runs begin that write to customers."""
        rest = self.project.journeys.at_rest
        return {name: one for name, one in self.project.journeys.items() if name not in rest}

    @property
    def starts(self) -> Mapping[str, tuple[str, ...]]:
        """The journeys that start on an event, by its name."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, journey in self.journeys.items():
            for event in journey.terms.starts_on:
                found[event.event_name].append(name)
        return {event: tuple(names) for event, names in sorted(found.items())}

    def is_holiday(self, day: date) -> bool:
        """Tell whether nothing is expected on a day."""
        return bool(self.places) and all(holiday(day, *place) for place in self.places)
