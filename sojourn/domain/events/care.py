"""Events of customers who are not content."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import model_validator

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import LONGEST_ID, Key, Personal
from sojourn.domain.keys import plain

CONTENT = 0.6
"""The share of the best score above which an answer is no case: of 10, from 7 on."""


class CaseEvent(Event, name=""):
    """Something about a case: what a customer is not content with."""

    made: ClassVar[tuple[str, ...]] = ("case_id",)

    case_id: Key | None = None
    """The case; made of the other fields if it is left out."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or values.get("case_id"):
            return values
        return {**values, "case_id": cls.case_of(values)[:LONGEST_ID] or None}

    @classmethod
    def case_of(cls, values: Mapping[str, Any]) -> str:
        """Return the case that an event is about, by its other fields; empty if it opens none."""
        raise NotImplementedError


class _Complaint(CaseEvent, name=""):
    """Something about a complaint."""

    complaint_id: Key | None = None
    order_id: Key | None = None

    @classmethod
    def case_of(cls, values: Mapping[str, Any]) -> str:
        """Return the complaint's own id, or else the order that it is about."""
        order = plain(values.get("order_id"))
        return plain(values.get("complaint_id")) or (f"order-{order}" if order else "")


class ComplaintReceived(_Complaint, name="Complaint Received"):
    """A customer complained."""

    text: Personal = None

    @classmethod
    def case_of(cls, values: Mapping[str, Any]) -> str:
        """Return what `ComplaintResolved` does; a complaint about nothing named is a case, too."""
        return super().case_of(values) or "general"


class ComplaintResolved(_Complaint, name="Complaint Resolved"):
    """A complaint was settled; without an id, all that the customer was not content with."""


class SurveyAnswered(CaseEvent, name="Survey Answered"):
    """A customer answered a question with a score, such as how likely they are to recommend us."""

    score: float | None = None
    scale: float = 10
    """The best score that there is."""
    survey_id: Key | None = None
    order_id: Key | None = None
    comment: Personal = None

    @classmethod
    def case_of(cls, values: Mapping[str, Any]) -> str:
        """Return a case if the score is low."""
        try:
            share = float(values["score"]) / float(values.get("scale") or 10)
        except (KeyError, TypeError, ValueError):
            return ""
        about = plain(values.get("order_id")) or plain(values.get("survey_id"))
        return "-".join(filter(None, ["survey", about])) if share <= CONTENT else ""
