"""`sojourn alerts`: what stands, what is kept quiet, and who can be told."""

import json
import socket
import sys
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sojourn.domain.alerts.alert import Alert, Kind
from sojourn.domain.errors import BadSetting
from sojourn.insight.alerts.sinks import Said, sinks_of
from sojourn.insight.alerts.telling import Telling
from sojourn.settings import Settings
from sojourn.store import alerts
from sojourn.testkit.fakes.server import HOST, answering
from tests.support.cli_stack import Cli
from tests.support.helpdesk import NEW, OLD

ALERT = Alert(
    Kind.JOURNEY_SILENT, "renewal", "renewal fell silent: 0 in 24 hours, 53 were expected", 0, 53.0,
    "24 hours", ("sojourn report renewal --by day",),
)  # fmt: skip


class Broken:
    """Somebody who cannot be told."""

    name = "webhook"

    async def tell(self, said: Said) -> str:
        return "HTTP 503"


async def test_what_stands_is_listed_with_numbers_commands_and_who_was_not_told(
    offline: Cli,
) -> None:
    now = datetime.now(UTC)
    async with offline.store.transaction() as session:
        await alerts.turn(session, [ALERT], ["log", "webhook"], now)
    await Telling(offline.store, [Broken()]).tell(now)
    listed = (await offline("alerts", "list", "--json")).json
    (one,) = (one for one in listed["alerts"] if one["name"] == ALERT.name)
    assert (one["seen"], one["expected"], one["quiet"]) == (0, 53, False)
    assert [(word["sink"], word["fault"], word["tries"]) for word in one["untold"]] == [
        ("webhook", "HTTP 503", 1)
    ]
    text = (await offline("alerts", "list")).out
    assert f"{ALERT.name}  since" in text
    assert "  sojourn report renewal --by day" in text
    assert "  webhook was not told: HTTP 503, again at" in text


async def test_an_alert_is_kept_quiet_and_speaks_again(offline: Cli) -> None:
    name = "skips-surge:renewal/template"
    said = await offline("alerts", "quiet", name, "--days", "2", "--why", "known", "--by", "anna")
    assert f"{name} is kept quiet until" in said.out
    (row,) = (await offline("alerts", "list", "--json")).json["quiet"]
    assert (row["name"], row["because"], row["by"]) == (name, "known", "anna")
    until = datetime.fromisoformat(row["until"])
    assert timedelta(days=1) < until - datetime.now(UTC) <= timedelta(days=2)
    assert (await offline("alerts", "speak", name, "--json")).json == {"name": name}
    refused = await offline("alerts", "speak", name)
    assert refused.code == 2
    assert f'no alert that is kept quiet "{name}"' in refused.fault


@pytest.mark.parametrize(
    ("name", "fault"),
    [("jorney-silent:renewal", "journey-silent"), ("journey-silent:", "ends with a colon")],
)
async def test_a_name_that_is_none_is_refused(offline: Cli, name: str, fault: str) -> None:
    refused = await offline("alerts", "quiet", name, "--why", "so")
    assert refused.code == 2
    assert fault in refused.fault


async def test_all_who_are_told_get_a_test_and_the_exit_code_says_who_did_not(
    offline: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, object]] = []
    notes: list[dict[str, object]] = []

    async def hook(request: Request) -> Response:
        body = await request.body()
        Webhook(NEW).verify(body, dict(request.headers))
        heard.append(json.loads(body))
        return Response(status_code=204)

    async def note(request: Request) -> Response:
        notes.append(json.loads(await request.body()))
        return Response(status_code=200 if len(notes) == 1 else 500)

    routes = [Route("/hook", hook, methods=["POST"]), Route("/note", note, methods=["POST"])]
    sock = socket.create_server((HOST, 0))
    at = f"{HOST}:{sock.getsockname()[1]}"
    monkeypatch.setenv("SOJOURN_ALERTS_WEBHOOK", f"http://{at}/hook")
    monkeypatch.setenv("SOJOURN_ALERTS_WEBHOOK_SECRET", f"{OLD},{NEW}")
    monkeypatch.setenv("SOJOURN_ALERTS_TO", f"json://{at}/note")
    async with answering(Starlette(routes=routes), sock):
        first = await offline("alerts", "test", "--json")
        again = await offline("alerts", "test")
    assert first.code == 0
    assert [one["sink"].rpartition("-")[0] or one["sink"] for one in first.json] == [
        "webhook", "apprise-json"
    ]  # fmt: skip
    assert heard[0]["type"] == "alert.test"
    assert "Nothing is wrong" in str(notes[0]["message"])
    assert again.code == 1
    assert again.fault.startswith("could not be told: apprise-json-")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"alerts_to": "nosuch://user:pa55@host"}, 'begins with "nosuch://"'),
        ({"alerts_to": "pa55"}, "has a word that is not an address"),
        ({"alerts_webhook": "https://shop.example/x"}, "SOJOURN_ALERTS_WEBHOOK_SECRET is not set"),
        ({"alerts_webhook": "ftp://user:pa55@host/"}, "SOJOURN_ALERTS_WEBHOOK "),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_and_not_quoted(
    given: dict[str, str], fault: str
) -> None:
    with pytest.raises(BadSetting) as refused:
        sinks_of(Settings(**given))  # type: ignore[arg-type]
    assert fault in str(refused.value)
    assert "pa55" not in str(refused.value)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(
        BadSetting, match=r'needs the package apprise: pip install "sojourn\[alerts\]"'
    ):
        sinks_of(Settings(alerts_to=SecretStr("json://localhost")))


def test_a_place_without_holidays_is_refused() -> None:
    with pytest.raises(ValueError, match='knows no holidays of "ZZ"'):
        Settings(alerts_holidays="ZZ")
