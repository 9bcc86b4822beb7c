"""Spans of time by name: ``days(2)``, as a journey's text would have it."""

from datetime import timedelta


def minutes(number: float) -> timedelta:
    """Return so many minutes."""
    return timedelta(minutes=number)


def hours(number: float) -> timedelta:
    """Return so many hours."""
    return timedelta(hours=number)


def days(number: float) -> timedelta:
    """Return so many times 24 hours; `Journey.local` counts days of the customer's calendar."""
    return timedelta(days=number)


def weeks(number: float) -> timedelta:
    """Return so many times seven days."""
    return timedelta(weeks=number)
