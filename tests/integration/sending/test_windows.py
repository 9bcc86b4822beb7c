"""The gate holds promotional messages by the rules of policy.toml, and says which rule did."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from sojourn.domain.messages import Channel, MessageClass, Reason, Receipt, Status
from sojourn.domain.rules import SPREAD, Rules
from sojourn.domain.rules_file import read_rules
from sojourn.policies import Policy
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.grounds import Grounds
from tests.support.desk import DAY, HOUR, NIGHT, NUDGE, Desk
from tests.support.rows import NOON

NINE = datetime.fromisoformat("2024-01-10T09:00+01:00")
RULES = """
[[rules]]
name = "italy"
countries = ["IT"]
open = "mon-fri 14:00-18:00"

[[rules]]
name = "phones"
channels = ["sms"]
closed = "tue"
"""


@pytest.fixture
def rules() -> Rules:
    return read_rules(RULES, None)


async def test_the_row_says_which_rule_holds(desk: Desk, rules: Rules) -> None:
    desk.policy = rules
    receipt = await desk.send()  # Tuesday, 13:00 in Rome, by a number of Italy
    assert (receipt.status, receipt.reason) == (Status.DEFERRED, Reason.WINDOW)
    held = await desk.row()
    assert (held.state, held.reason) == ("deferred", "window")
    assert held.detail == "italy: only mon-fri 14:00-18:00"
    assert receipt.until is not None
    two = datetime.fromisoformat("2024-01-09T14:00+01:00")
    assert two <= receipt.until < two + SPREAD
    assert (await desk.send(now=receipt.until)).status is Status.SENT
    sent = await desk.row()
    assert (sent.id, sent.reason, sent.detail) == (held.id, None, None)


async def test_a_country_that_is_said_outweighs_the_numbers(desk: Desk, rules: Rules) -> None:
    desk.policy = rules
    await desk.identify(address={"country": "CH"})
    assert (await desk.send()).status is Status.SENT


async def test_the_rules_are_those_of_the_channel_that_takes_it(desk: Desk, rules: Rules) -> None:
    desk.policy = rules
    await desk.identify(address={"country": "CH"})
    sms = {**NUDGE, "channels": (Channel.SMS,)}
    assert (await desk.send(**sms)).reason is Reason.WINDOW
    assert (await desk.row()).detail == "phones: not on tue"


@pytest.mark.parametrize("kind", [MessageClass.TRANSACTIONAL, MessageClass.AUTHENTICATION])
async def test_a_message_that_is_needed_is_never_held(
    desk: Desk, rules: Rules, kind: MessageClass
) -> None:
    desk.policy = rules
    assert (await desk.send(message_class=kind)).status is Status.SENT


async def test_the_messages_own_window_holds(desk: Desk) -> None:
    receipt = await desk.send(within="wed 09:00-12:00", useful_until=NOON + 9 * DAY)
    assert receipt.reason is Reason.WINDOW
    assert receipt.until == NINE
    assert (await desk.row()).detail == "the message: only wed 09:00-12:00"


async def test_a_hold_that_leaves_no_use_is_too_late_and_names_the_rule(desk: Desk) -> None:
    receipt = await desk.send(within="sun 09:00-12:00")
    assert receipt.reason is Reason.TOO_LATE
    assert (await desk.row()).detail == "the message: only sun 09:00-12:00"


async def test_a_purchase_in_the_spread_still_cancels(desk: Desk) -> None:
    desk.policy = Rules.of(NIGHT)
    receipt = await desk.send(now=NOON + DAY + 10 * HOUR)
    assert receipt.until is not None
    assert NINE <= receipt.until < NINE + SPREAD
    await desk.buy(44)  # 09:00
    late = await desk.send(now=receipt.until)
    assert (late.status, late.reason) == (Status.SKIPPED, Reason.GOAL_REACHED)
    row = await desk.row()
    assert (row.reason, row.detail) == ("goal_reached", None)


async def test_a_change_of_the_rules_holds_from_the_next_question_on(desk: Desk) -> None:
    desk.policy = Rules.of(NIGHT)
    assert (await desk.send(now=NOON + DAY + 10 * HOUR)).status is Status.DEFERRED
    desk.policy = Rules(spread=timedelta(0))
    assert (await desk.send(now=NOON + DAY + 10 * HOUR)).status is Status.SENT


async def test_an_edit_of_the_file_holds_at_the_next_claim_without_a_restart(
    desk: Desk, tmp_path: Path
) -> None:
    file, clock = tmp_path / "policy.toml", iter(range(0, 1000, 10))
    await asyncio.to_thread(file.write_text, RULES)
    policy = Policy(file, None, clock=lambda: next(clock))
    gate = Gate(desk.store, Grounds(policy, "UTC"))

    async def ask() -> object:
        return await gate.pass_or_refuse(desk.delivery(), NOON + DAY)

    held = await ask()
    assert isinstance(held, Receipt)
    assert held.reason is Reason.WINDOW
    await asyncio.to_thread(file.write_text, "rules = 'none'")
    assert await ask() == held  # the last good rules
    assert policy.fault
    await asyncio.to_thread(file.write_text, "quiet_hours = 'off'")
    assert isinstance(await ask(), Claim)
