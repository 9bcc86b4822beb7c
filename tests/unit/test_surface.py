"""The public surface: what projects import keeps its names."""

import json
import subprocess
import sys

import pytest

import sojourn
import sojourn.events

NAMES = [
    "ALWAYS", "AUTHENTICATION", "CLICK", "EMAIL", "GIVE_WAY", "ONCE", "PROMOTIONAL", "PUSH", "SMS",
    "TRANSACTIONAL", "WAIT", "WHATSAPP", "ABTest", "AtCap", "Audience", "Brakes", "Breach",
    "Campaign", "Channel", "Context", "Customer", "Event", "Experiment", "Fact", "Failed", "Feed",
    "Identity", "Intent", "Invariant", "Journey", "Limits", "Message", "MessageClass",
    "NonPersonal", "Outcome", "Personal", "Project", "Published", "Question", "QuietHours",
    "Reason", "Receipt", "Said", "Settings", "Sojourn", "SojournError", "Status", "Story",
    "activity", "after", "always", "anniversary", "at", "at_local", "at_most", "at_once",
    "business_days", "clicked", "consents", "count", "daily", "day_of_month", "days", "did",
    "did_not_react", "field", "first", "hours", "http_call", "invoice_after", "last", "listed",
    "load_project", "load_settings", "message_after", "message_in", "minutes", "monthly", "months",
    "never", "nth_weekday", "reached_goal", "read_identity", "received", "serve", "total", "trait",
    "two", "weekday", "weekly", "weeks", "working", "written_to",
]  # fmt: skip
"""A name that leaves this list breaks projects; one that joins it is a promise."""


def test_the_package_exports_these_names() -> None:
    assert sojourn.__all__ == NAMES
    assert dir(sojourn) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_exported_name_is_there_and_documented(name: str) -> None:
    item = getattr(sojourn, name)
    assert getattr(item, "__doc__", None), f"{name} has no docstring"


def test_a_name_that_is_not_exported_is_named_in_the_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Jurney'"):
        _ = sojourn.Jurney


def test_events_and_the_types_of_their_fields_are_exported() -> None:
    for name in sojourn.events.__all__:
        assert hasattr(sojourn.events, name)
    shipped = {event.__name__ for event in sojourn.load_project().events.values()}
    assert shipped <= set(sojourn.events.__all__)


def test_importing_the_package_loads_nothing_else() -> None:
    code = "import json, sys, sojourn; print(json.dumps([m for m in sys.modules]))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = json.loads(said.stdout)
    assert [m for m in modules if m.startswith("sojourn")] == ["sojourn"]
    assert not {"temporalio", "pydantic", "sqlalchemy", "httpx"} & set(modules)
