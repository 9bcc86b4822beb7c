"""The files of `deploy/` ask for what a live worker and a gateway show, by names and labels."""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import temporalio.bridge
import yaml

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.alerts.alert import Alert, Kind
from sojourn.domain.customer import read_identity
from sojourn.domain.events import SignedUp
from sojourn.domain.messages import Channel, Reason
from sojourn.gateway.http.metrics import Metrics
from sojourn.settings import Settings
from sojourn.store import Store, alerts
from sojourn.store.tables import MarkRow, RollupMoneyRow, RollupReasonRow, RollupRow
from tests.long.test_worker import Workers, started
from tests.support.markdown import ROOT

DEPLOY = ROOT / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())
BOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "sojourn.json").read_text())
NAME = re.compile(r"\b((?:sojourn|temporal)_\w+)(?:\{([^}]*)\})?")
BY = re.compile(r"\bby \(([^)]*)\)")
BY_PROMETHEUS = {"le", "job", "instance"}
FAULTS = {
    "temporal_activity_execution_failed": {"activity_type", "task_queue"},
    "temporal_long_request_failure": {"operation"},
    "temporal_workflow_task_execution_failed": {"failure_reason", "task_queue"},
}
"""Counters that appear with their first fault: docs/production.md says with which labels. That the
SDK has them is seen in its library."""


def rules() -> Iterator[str]:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            yield rule["expr"]


def board() -> Iterator[str]:
    for panel in BOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]
    yield from (one["expr"] for one in BOARD["annotations"]["list"])


def asked(expressions: Iterator[str]) -> Iterator[tuple[str, set[str]]]:
    """Yield each metric with the labels by which it is chosen or summed."""
    for expression in expressions:
        by = {label for found in BY.findall(expression) for label in re.split(r",\s*", found)}
        for name, chosen in NAME.findall(expression):
            yield name, (by | set(re.findall(r"(\w+)=", chosen))) - BY_PROMETHEUS


async def scraped(workers: Workers, *, until: str) -> str:
    """Return a worker's page of metrics, once it has a name."""
    async with httpx.AsyncClient() as http:
        while True:
            page = (await http.get(f"http://127.0.0.1:{workers.metrics_port}/metrics")).text
            if f"\n{until}" in page:
                return page
            await asyncio.sleep(0.1)


def series(page: str) -> dict[str, set[str]]:
    """Return the labels of each series of a page, by name."""
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", page, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    return found


def gateway() -> str:
    """Return a page on which a gateway has counted one of each."""
    metrics = Metrics()
    metrics.count_call("track", "taken")
    metrics.count_report("outbox", "delivered", matched=True, twice=True)
    metrics.count_refused_webhook("shopify", 501, "topic")
    metrics.refused("onboarding", Reason.CAME_AGAIN)
    metrics.told(0.1)
    return metrics.text().decode()


async def _happened(store: Store, sojourn: Sojourn) -> None:
    """Have all happen that a worker can tell of."""
    now = datetime.now(UTC)
    day = now.date().isoformat()
    async with store.transaction() as session:
        session.add_all([
            RollupRow(id=1, day=day, source="onboarding", step="welcome", channel="email",
                      due=9, sent=7, skipped=2, opened=5, converted=1),
            RollupRow(id=2, day=day, source="onboarding", entered=9),
            RollupReasonRow(rollup_id=1, reason="no_consent", n=2),
            RollupMoneyRow(rollup_id=1, model="last", currency="EUR", orders=1_000_000,
                           value=49_900_000),
            MarkRow(kind="run", ref=999),
        ])  # fmt: skip
        alert = Alert(Kind.JOURNEY_SILENT, "renewal", "it fell silent", 0, 53, "24 hours")
        await alerts.turn(session, [alert], ["log", "webhook"], now)
        words = await alerts.claim_to_tell(
            session, ["webhook"], now, again=now + timedelta(days=1), limit=9
        )
        await alerts.told(session, words[0][0], fault="HTTP 503", again=now + timedelta(days=1))
    traits: dict[str, Any] = {"email": "ada@shop.example", "marketingConsent": {"email": True}}
    await sojourn.identify(read_identity(traits, customer_id="m1", message_id="i1", at=now))
    await sojourn.publish(SignedUp(customer_id="m1"))


async def test_all_that_rules_and_dashboard_ask_for_is_shown(
    own_temporal: Server, tmp_path: Path
) -> None:
    # a look at alerts would end the one that stands, for nothing is wrong
    env = {"SOJOURN_QUIET_HOURS": "off", "SOJOURN_ALERTS_EVERY": "24h"}
    async with await Store.open(f"sqlite:///{tmp_path}/worker.db", migrate=True) as store:
        async with store.transaction() as session:
            await alerts.claim_look(session, datetime.now(UTC), timedelta(days=1))
        sojourn = Sojourn(own_temporal.client, store, Settings(home=tmp_path))
        await _happened(store, sojourn)
        async with started(own_temporal, tmp_path, env=env) as workers:
            await scraped(workers, until="sojourn_messages{")
            page = await scraped(workers, until="sojourn_measured{")
    assert 'sojourn_alert{about="renewal",kind="journey-silent"' in page
    assert re.search(
        r'sojourn_measured{channel="email",measure="sent",.*source="onboarding"} 7', page
    )
    assert re.search(
        r'sojourn_measured{channel="",measure="entered",.*source="onboarding"} \d', page
    )
    assert re.search(r'sojourn_measured_reasons{reason="no_consent",.*} 2', page)
    assert re.search(r'sojourn_measured_revenue{currency="EUR",.*} 49.9', page)
    assert re.search(r'sojourn_alerts_untold{.*sink="webhook"} 1', page)
    assert not re.search("ada|m1", page)
    shown = series(page) | series(gateway())
    shown |= FAULTS
    shown["sojourn_messages_twice"] = {"channel", "class"}  # like `sojourn_messages`, see send.py
    for name, labels in [*asked(rules()), *asked(board())]:
        assert name in shown, f"nothing shows {name}"
        assert labels <= shown[name], f"{name} has no {labels - shown[name]}"
    for variable in BOARD["templating"]["list"]:
        name, label = re.findall(r"\w+", variable["query"]["query"])[1:]
        assert label in shown[name]


def test_the_counters_of_faults_are_the_sdks() -> None:
    (library,) = Path(temporalio.bridge.__file__).parent.glob("temporal_sdk_bridge*")
    binary = library.read_bytes()
    for name in FAULTS:
        assert name.removeprefix("temporal_").encode() in binary, name
    source = (ROOT / "sojourn" / "sending" / "send.py").read_text()
    assert '"sojourn_messages_twice"' in source


def test_every_rule_says_how_urgent_it_is_and_where_to_look() -> None:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("page", "day"), rule["alert"]
            assert {"summary", "look"} <= rule["annotations"].keys(), rule["alert"]


def test_panels_lie_beside_each_other() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["title"])
                assert other == panel["title"], f"{other} lies under {panel['title']}"
    idents = [panel["id"] for panel in BOARD["panels"]]
    assert len(idents) == len(set(idents))


def test_prometheus_reads_rules_and_expressions(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    recorded = [
        {"record": f"panel:{number}", "expr": _without_variables(one)}
        for number, one in enumerate(board())
    ]
    group = {"name": "board", "rules": recorded}
    (tmp_path / "board.yml").write_text(yaml.safe_dump({"groups": [group]}))
    for command in (
        ("config", DEPLOY / "prometheus" / "prometheus.yml"),
        ("rules", tmp_path / "board.yml"),
    ):
        said = subprocess.run(
            [promtool, "check", *command], capture_output=True, text=True, check=False
        )
        assert said.returncode == 0, said.stdout + said.stderr


def _without_variables(expression: str) -> str:
    plain = expression.replace("$__range", "24h")
    return re.sub("|".join(rf"\${channel}" for channel in ("source", "channel")), ".*", plain)


def test_every_channel_can_be_chosen() -> None:
    assert {variable["name"] for variable in BOARD["templating"]["list"]} == {"source", "channel"}
    assert all(variable["allValue"] == ".*" for variable in BOARD["templating"]["list"])
    assert len(Channel) > 1
