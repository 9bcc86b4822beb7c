"""Events of a trial, named as Segment names them where it does.

https://segment.com/docs/connections/spec/b2b-saas/
"""

from collections.abc import Mapping
from typing import ClassVar

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Moment, Personal


class TrialStarted(Event, name="Trial Started"):
    """A customer tries the product out."""

    also_called: ClassVar[Mapping[str, str]] = {
        "trial_end_date": "ends_at",
        "trial_plan_name": "plan",
    }

    ends_at: Moment
    plan: Personal = None


class TrialExtensionRequested(Event, name="Trial Extension Requested"):
    """A customer asks for more time to try the product out."""


class TrialExtended(Event, name="Trial Extended"):
    """A trial ends later, at `ends_at`."""

    also_called: ClassVar[Mapping[str, str]] = {"trial_end_date": "ends_at"}

    ends_at: Moment


class TrialCancelled(Event, name="Trial Cancelled"):
    """A customer does not want to go on trying."""
