"""Calls of a project's own activities: what crosses Temporal, nothing personal."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sojourn.domain.facts.nodes import Fact
from sojourn.domain.shape import Shape


class NonPersonal(BaseModel):
    """The result of an activity, declared to hold nothing personal.

    A workflow's history keeps it, in plain sight of Temporal's operators, and nothing erases it
    there: ids, codes, amounts and moments belong in it, names and addresses do not::

        class OfferCode(NonPersonal):
            code: str
    """

    model_config = ConfigDict(frozen=True)


Plain = NonPersonal | bool | int | float | Decimal | datetime | Enum | None
"""The types that an activity may answer with."""


class Asked(Shape):
    """The argument of a project's activity.

    Args:
        activity: its name.
        run: workflow id of the run that asks.
        journey: name of its journey.
        customer_id: whose run it is.
        key: what the run is about: the cart's id, for instance.
        part: of that, where the journey knows parts: the parcel's number; empty: the whole.
        enrolment: id of the event that began the enrolment.
        cause: id of the event that last (re)started the steps.
        occurrence: how often these steps have called the activity, this time included.
        arguments: keyword arguments as JSON values.
        now: by the journey's clock.
    """

    activity: str
    run: str
    journey: str
    customer_id: str
    key: str = ""
    part: str = ""
    enrolment: str
    cause: str
    occurrence: int = 1
    arguments: dict[str, Any] = Field(default_factory=dict)
    now: datetime

    @property
    def idempotency_key(self) -> str:
        """Name of the call across its retries, made of what caused it."""
        return f"{self.run}/{self.enrolment}/{self.cause}/{self.activity}-{self.occurrence}"


class Reply(Shape):
    """The end of a call.

    Args:
        result: as a JSON value.
        failure: kind of the error that ended it; empty if it succeeded.
        reason: more of the failure, where there is more to say.
    """

    result: Any = None
    failure: str = ""
    reason: str = ""


class Question(Shape):
    """The argument of the local activity that reads a fact for the steps of a run.

    Args:
        run: workflow id of the run that asks.
        customer_id: whose run it is.
        now: by the journey's clock.
        fact: a yes-or-no question, as JSON; None: a value is asked for.
        measure: the value, as JSON.
        experiment: the name of the experiment whose variant is asked for; empty: a fact is.
        weights: of its variants.
        shadow: a run in shadow asks: nobody comes into the experiment by it.
        about: the same yes-or-no question, as its author wrote it; in no history.
    """

    run: str
    customer_id: str
    now: datetime
    fact: dict[str, Any] | None = None
    measure: dict[str, Any] | None = None
    experiment: str = ""
    weights: dict[str, float] = Field(default_factory=dict)
    shadow: bool = False
    about: Fact | None = Field(default=None, exclude=True, repr=False)


class Failed(NonPersonal):
    """The value of a call that failed. It is falsy: ``if not code: ...``.

    Args:
        activity: the activity's name.
        kind: kind of the error; ``TimeoutError`` if the deadline passed.
        reason: more of it, where there is more to say.
    """

    activity: str
    kind: str
    reason: str = ""

    def __bool__(self) -> Literal[False]:
        return False
