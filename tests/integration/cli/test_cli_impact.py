"""``sojourn check --open --impact``: open runs under two versions of a project."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.events import ProductAdded
from tests.support.cli_stack import Cli
from tests.support.own_project import SOJOURN, OwnProject

CART = """
from sojourn import EMAIL, PUSH, SMS, Journey, Message, days, hours
from sojourn.events import OrderCompleted, ProductAdded

class Cart(Journey, name="abandoned-cart", topic="cart", starts_on=ProductAdded, key="cart_id",
           goal=OrderCompleted, restarts_on=ProductAdded):
    reminder = Message(EMAIL, useful_for=hours(24), template="words")
    nudge = Message(EMAIL, useful_for=hours(24), template="words")
    other = Message(EMAIL, useful_for=hours(24), template="words")

    async def steps(self):
        await self.quiet_for(hours(24), of=ProductAdded)
        await self.send(self.reminder)
        await self.sleep(days(4))
        await self.send(self.nudge)
"""
WORDS = "{% extends 'layout/email.html' %}{% block subject %}Hi{% endblock %}"
WORDS += "{% block body %}Your basket waits.{% endblock %}"


def project(folder: Path, source: str) -> OwnProject:
    made = OwnProject(folder)
    made.write("pyproject.toml", '[tool.sojourn]\nlanguages = ["en"]\n')
    made.write("templates/abandoned-cart/words.email.en.html", WORDS)
    made.write("workflows/cart.py", source)
    return made


async def shown(
    made: OwnProject, served: tuple[Sojourn, Server], *options: str
) -> subprocess.CompletedProcess[str]:
    sojourn, server = served
    environment = {
        "SOJOURN_DATABASE_URL": sojourn.settings.store_url,
        "TEMPORAL_ADDRESS": server.address,
        "SOJOURN_QUIET_HOURS": "off",
    }
    command = (*SOJOURN, "check", "--open", *options)
    return await asyncio.to_thread(lambda: made.run(*command, **environment))


def changes(told: Any, run: str) -> list[tuple[str, str]]:
    return [
        (one["step"], one["kind"])
        for one in told["impact"]["journeys"]["abandoned-cart"]["changes"]
        if run in {sample["run"] for sample in one["samples"]}
    ]


@pytest.mark.more
async def test_open_runs_are_led_on_under_both_versions(
    cli: Cli, served: tuple[Sojourn, Server], tmp_path: Path
) -> None:
    ada = await cli.identify(email="ada@shop.example")
    await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id="k", product_id="p"))
    run = f"abandoned-cart:{ada}:k"
    await cli.until(
        "runs", "--customer", ada, "--json", holds=lambda a: [r["key"] for r in a.json] == ["k"]
    )
    former = project(tmp_path / "former", CART)
    against = ("--impact", "--against", str(former.folder), "--samples", "1000")
    sooner = CART.replace("days(4)", "days(2)").replace(
        "self.send(self.reminder)", "self.send(self.other)"
    )
    said = await shown(project(tmp_path / "now", sooner), served, *against, "--json")
    told = json.loads(said.stdout)
    assert changes(told, run) == [
        ("nudge", "gets it earlier"),
        ("other", "gets it"),
        ("reminder", "gets it no more"),
    ]
    assert run not in {one["run"] for one in told["impact"]["broken"]}
    late = CART.replace(
        "    async def steps(self):\n",
        "    async def steps(self):\n        await self.send(self.other)\n",
    )
    said = await shown(project(tmp_path / "breaks", late), served, *against)
    assert said.returncode == 1
    assert f"{run} would break: the steps come to the activity 1-other where" in said.stdout
    same = await shown(former, served, *against, "--json")
    told = json.loads(same.stdout)
    assert changes(told, run) == []


async def test_an_impact_needs_open_runs(cli: Cli) -> None:
    assert (await cli("check", "--impact")).fault == "--impact is that on open runs: add --open"
    fault = (await cli("check", "--open", "--against", "HEAD")).fault
    assert fault == "--against is the former code of --impact: add --impact"
