"""Advice on a journey's class keywords: what is allowed, and likely not meant."""

from datetime import datetime

from pydantic import AwareDatetime

from sojourn.journeys.journey import Journey


def advice(journey: type[Journey]) -> list[str]:
    """Return what the author of a journey probably wants to know.

    Args:
        journey: the class.

    Returns:
        A line for each start with a moment that the plan may count from, where a second such start
        of an open run moves nothing.
    """
    terms = journey.terms
    if terms.anchor:
        return []
    return [
        f"{journey.name}: a second {event.event_name} of an open run moves nothing. If the plan "
        f'counts from its {field}, say anchor="{field}"'
        for event in terms.starts_on
        if event not in terms.restarts_on
        for field, info in event.model_fields.items()
        if info.annotation in (AwareDatetime, datetime) and info.is_required()
    ]
