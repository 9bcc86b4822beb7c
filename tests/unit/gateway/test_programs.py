"""Sources of webhooks that are programs: the project's own, and distributed ones."""

from importlib.metadata import EntryPoint

import pytest

from sojourn.domain.errors import BadProject, BadSetting, SameName
from sojourn.gateway.webhooks import programs as module
from sojourn.gateway.webhooks.programs import programs
from sojourn.gateway.webhooks.source import Call, Nothing, SignedRequest
from sojourn.settings import Settings


class Bookings:
    """A source as a project writes one."""

    name = "bookings"

    def __init__(self, settings: Settings) -> None:
        self.shop = settings.shop_name

    def calls(self, request: SignedRequest) -> list[Call] | Nothing:
        return Nothing("only paid bookings are orders")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("bookings", f"{__name__}:Bookings", module.ENTRY_POINTS),
        EntryPoint("broken", "no_such_module:Source", module.ENTRY_POINTS),
    ]
    monkeypatch.setattr(module, "entry_points", lambda group: points)


def test_a_source_of_the_project_is_on() -> None:
    (source,) = programs({"bookings": Bookings}, [], Settings()).values()
    assert isinstance(source, Bookings)


def test_a_distributed_source_is_loaded_when_it_is_named() -> None:
    assert programs({}, [], Settings()) == {}
    assert list(programs({}, ["bookings"], Settings())) == ["bookings"]


def test_an_unknown_source_is_told_the_nearest() -> None:
    with pytest.raises(BadSetting, match='SOJOURN_SOURCES: no source "booking": did you mean'):
        programs({}, ["booking"], Settings())


def test_a_source_that_cannot_be_loaded_is_one_line() -> None:
    with pytest.raises(BadProject, match='"broken" of no_such_module:Source cannot be loaded'):
        programs({}, ["broken"], Settings())


def test_a_source_with_the_name_of_the_projects_own_is_refused() -> None:
    with pytest.raises(SameName, match="bookings"):
        programs({"bookings": Bookings}, ["bookings"], Settings())


def test_the_environment_names_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_SOURCES", "bookings, tickets")
    assert Settings().sources == ("bookings", "tickets")
