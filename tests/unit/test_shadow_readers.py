"""Each reader of messages and runs has an answer to those in shadow, written down here."""

import re
from pathlib import Path

import sojourn

ENGINE = Path(sojourn.__file__).parent
MESSAGES = re.compile(r'\bLedgerRow\b|\bLEDGER\.c\b|TABLES\["ledger"\]|tables\["ledger"\]')
RUNS = re.compile(r'\bRunRow\b|\bRUNS\b|TABLES\["runs"\]|tables\["runs"\]')

BY_STATE = """
    campaigns/pacing store/ab_tests store/articles store/coupons store/facts/clauses
    store/facts/of_campaigns store/harms store/holds store/ledger store/opting store/proofs
    store/recipients store/slots store/rights/emptying store/measuring/conversions store/settling
"""
"""They ask for messages in states that are named, and "shadow" is none of them."""
OF_THE_ATTEMPTS = """
    gateway/pages/traces insight/archive insight/letters sending/recording sending/targets
    sending/batches/recording store/measuring/hits store/reports
"""
"""They begin with what was handed over, or with its name in a link; none in shadow has that."""
OF_CAMPAIGNS = "insight/in_campaigns sending/batches/gate store/campaigns"
"""Campaigns are never in shadow."""
ALL = """
    cli/commands/ledger insight/fate insight/held insight/story store/rights/aging
    store/rights/erasing store/rights/finding store/rights/person store/joining store/secrets
    store/measuring/marks insight/coupons
"""
"""Those in shadow are shown as such, and are the customer's like any: kept, moved, erased."""
APART = """
    insight/exporting/reading store/changes store/measuring/rollups store/snapshots
    insight/hooks insight/leading/taking
    insight/backtesting/ledgered insight/backtesting/stored insight/backtesting/remembering
    store/past
"""
"""Those in shadow are left out."""
OF_THE_GATE = """
    dispatch/abandoned dispatch/ending insight/rehearsal sending/applying sending/gathering
    store/shadow store/unsent insight/beside
"""
"""They decide on messages in shadow, or look at what a run waits for."""
OF_TESTS = """
    cli/commands/demo cli/demo/guide cli/recordings cli/season/on_temporal testkit/kit
"""
"""They read what they have played themselves, in installations of their own."""
READERS = (BY_STATE, OF_THE_ATTEMPTS, OF_CAMPAIGNS, ALL, APART, OF_THE_GATE, OF_TESTS)

RUNS_ALL = """
    dispatch/aliasing dispatch/committing dispatch/ending dispatch/entries
    dispatch/hearing dispatch/intake dispatch/lanes insight/rehearsing insight/story insight/why_not
    insight/beside store/joining store/measuring/marks store/reading_back store/rights/emptying
    store/rights/erasing store/runs store/zones testkit/engines/engine
    testkit/engines/in_process testkit/engines/temporal testkit/kit cli/entry
"""
"""A run in shadow hears, ends and is shown as any."""
RUNS_APART = """
    dispatch/recovery dispatch/twins insight/exporting/reading store/entries
    store/changes store/measuring/rollups store/pulse store/snapshots
    insight/backtesting/stored store/past
"""
"""Runs in shadow are left out, or stay in shadow."""


def readers(pattern: re.Pattern[str]) -> set[str]:
    return {
        path.relative_to(ENGINE).with_suffix("").as_posix()
        for path in ENGINE.rglob("*.py")
        if pattern.search(path.read_text("utf-8"))
        and "migrations" not in path.parts
        and "tables" not in path.parts
        and path.name != "states.py"
    }


def test_every_reader_of_the_ledger_has_an_answer_to_messages_in_shadow() -> None:
    known = {name for each in READERS for name in each.split()}
    found = readers(MESSAGES)
    assert found - known == set(), "say in this file how it deals with messages in shadow"
    assert known - found == set()


def test_every_reader_of_runs_has_an_answer_to_those_in_shadow() -> None:
    known = {*RUNS_ALL.split(), *RUNS_APART.split()}
    found = readers(RUNS)
    assert found - known == set(), "say in this file how it deals with runs in shadow"
    assert known - found == set()


def test_those_that_go_by_states_name_them() -> None:
    for name in BY_STATE.split():
        text = (ENGINE / f"{name}.py").read_text("utf-8")
        assert re.search(r"MessageState|MAYBE_SENT|WAITING|\"sent\"|SENT", text), name
        assert "MessageState.SHADOW" not in text, name
