"""Sojourn: customer journeys as durable Temporal workflows.

Everything that a project needs is here or in `sojourn.events`, `sojourn.channels` and
`sojourn.testkit`. These names keep their meaning; everything else in the package may change.
Nothing is loaded before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sojourn.composing import load_project
    from sojourn.dispatch import Published, Sojourn
    from sojourn.domain.ab import CLICK, ABTest
    from sojourn.domain.abuse import Limits
    from sojourn.domain.again import ALWAYS, ONCE, after
    from sojourn.domain.audience import Audience
    from sojourn.domain.brakes import Brakes
    from sojourn.domain.calendar_days import (
        business_days,
        day_of_month,
        months,
        nth_weekday,
        weekday,
    )
    from sojourn.domain.calls import Failed, NonPersonal
    from sojourn.domain.campaign import Campaign
    from sojourn.domain.customer import Customer, Identity, read_identity
    from sojourn.domain.errors import SojournError
    from sojourn.domain.events import Event, Personal
    from sojourn.domain.experiment import Experiment
    from sojourn.domain.facts import (
        Fact,
        anniversary,
        clicked,
        consents,
        count,
        did,
        did_not_react,
        field,
        first,
        last,
        listed,
        reached_goal,
        received,
        total,
        trait,
        written_to,
    )
    from sojourn.domain.feed import Feed
    from sojourn.domain.intents import Intent
    from sojourn.domain.invariants import (
        Breach,
        Invariant,
        Said,
        Story,
        always,
        message_after,
        message_in,
        never,
        two,
    )
    from sojourn.domain.invoices import invoice_after
    from sojourn.domain.limits import AtCap, at_most
    from sojourn.domain.message import Message
    from sojourn.domain.messages import Channel, MessageClass, Outcome, Reason, Receipt, Status
    from sojourn.domain.question import Question
    from sojourn.domain.quiet_hours import QuietHours
    from sojourn.domain.recurring import daily, monthly, weekly
    from sojourn.domain.sending_time import at, at_local, at_once
    from sojourn.domain.span import days, hours, minutes, weeks
    from sojourn.domain.working_time import working
    from sojourn.journeys.activities import activity
    from sojourn.journeys.journey import Journey
    from sojourn.project import Project
    from sojourn.sending.calls import Context
    from sojourn.sending.http_calls import http_call
    from sojourn.serving.command import serve
    from sojourn.settings import Settings, load_settings

    EMAIL = Channel.EMAIL
    SMS = Channel.SMS
    PUSH = Channel.PUSH
    WHATSAPP = Channel.WHATSAPP
    PROMOTIONAL = MessageClass.PROMOTIONAL
    TRANSACTIONAL = MessageClass.TRANSACTIONAL
    AUTHENTICATION = MessageClass.AUTHENTICATION
    WAIT = AtCap.WAIT
    GIVE_WAY = AtCap.GIVE_WAY

_HOMES = {
    "dispatch": ("Published", "Sojourn"),
    "domain.ab": ("CLICK", "ABTest"),
    "domain.abuse": ("Limits",),
    "domain.again": ("ALWAYS", "ONCE", "after"),
    "domain.audience": ("Audience",),
    "domain.brakes": ("Brakes",),
    "domain.campaign": ("Campaign",),
    "domain.calendar_days": (
        "business_days",
        "day_of_month",
        "months",
        "nth_weekday",
        "weekday",
    ),
    "domain.calls": ("Failed", "NonPersonal"),
    "domain.customer": ("Customer", "Identity", "read_identity"),
    "domain.errors": ("SojournError",),
    "domain.events": ("Event", "Personal"),
    "domain.experiment": ("Experiment",),
    "domain.facts": (
        "Fact",
        "anniversary",
        "clicked",
        "consents",
        "count",
        "did",
        "did_not_react",
        "field",
        "first",
        "last",
        "listed",
        "reached_goal",
        "received",
        "total",
        "trait",
        "written_to",
    ),
    "domain.feed": ("Feed",),
    "domain.intents": ("Intent",),
    "domain.invariants": (
        "Breach",
        "Invariant",
        "Said",
        "Story",
        "always",
        "message_after",
        "message_in",
        "never",
        "two",
    ),
    "domain.invoices": ("invoice_after",),
    "domain.limits": ("AtCap", "at_most"),
    "domain.message": ("Message",),
    "domain.messages": ("Channel", "MessageClass", "Outcome", "Reason", "Receipt", "Status"),
    "domain.question": ("Question",),
    "domain.quiet_hours": ("QuietHours",),
    "domain.recurring": ("daily", "monthly", "weekly"),
    "domain.sending_time": ("at", "at_local", "at_once"),
    "domain.span": ("days", "hours", "minutes", "weeks"),
    "domain.working_time": ("working",),
    "journeys.activities": ("activity",),
    "journeys.journey": ("Journey",),
    "composing": ("load_project",),
    "project": ("Project",),
    "sending.calls": ("Context",),
    "sending.http_calls": ("http_call",),
    "serving.command": ("serve",),
    "settings": ("Settings", "load_settings"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}
_MEMBERS = {
    **dict.fromkeys(("EMAIL", "SMS", "PUSH", "WHATSAPP"), "Channel"),
    **dict.fromkeys(("PROMOTIONAL", "TRANSACTIONAL", "AUTHENTICATION"), "MessageClass"),
    **dict.fromkeys(("WAIT", "GIVE_WAY"), "AtCap"),
}

__all__ = [
    "ALWAYS",
    "AUTHENTICATION",
    "CLICK",
    "EMAIL",
    "GIVE_WAY",
    "ONCE",
    "PROMOTIONAL",
    "PUSH",
    "SMS",
    "TRANSACTIONAL",
    "WAIT",
    "WHATSAPP",
    "ABTest",
    "AtCap",
    "Audience",
    "Brakes",
    "Breach",
    "Campaign",
    "Channel",
    "Context",
    "Customer",
    "Event",
    "Experiment",
    "Fact",
    "Failed",
    "Feed",
    "Identity",
    "Intent",
    "Invariant",
    "Journey",
    "Limits",
    "Message",
    "MessageClass",
    "NonPersonal",
    "Outcome",
    "Personal",
    "Project",
    "Published",
    "Question",
    "QuietHours",
    "Reason",
    "Receipt",
    "Said",
    "Settings",
    "Sojourn",
    "SojournError",
    "Status",
    "Story",
    "activity",
    "after",
    "always",
    "anniversary",
    "at",
    "at_local",
    "at_most",
    "at_once",
    "business_days",
    "clicked",
    "consents",
    "count",
    "daily",
    "day_of_month",
    "days",
    "did",
    "did_not_react",
    "field",
    "first",
    "hours",
    "http_call",
    "invoice_after",
    "last",
    "listed",
    "load_project",
    "load_settings",
    "message_after",
    "message_in",
    "minutes",
    "monthly",
    "months",
    "never",
    "nth_weekday",
    "reached_goal",
    "read_identity",
    "received",
    "serve",
    "total",
    "trait",
    "two",
    "weekday",
    "weekly",
    "weeks",
    "working",
    "written_to",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name in _MEMBERS:
        value = __getattr__(_MEMBERS[name])[name]
    elif name in _HOME:
        value = getattr(import_module(f"sojourn.{_HOME[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
