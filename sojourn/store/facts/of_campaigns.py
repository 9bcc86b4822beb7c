"""Facts about the messages of campaigns as SQL: from the ledger, its reports, and the goals."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, exists, func, literal, null, select, true
from sqlalchemy import false as no
from sqlmodel import SQLModel

from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.facts.nodes import OfCampaign
from sojourn.domain.facts.of_campaigns import MEASURED
from sojourn.domain.reports import Kind
from sojourn.domain.states import MessageState
from sojourn.store.facts.readings import Sql

CAMPAIGNS = SQLModel.metadata.tables["campaigns"]
EVENTS = SQLModel.metadata.tables["events"]
LEDGER = SQLModel.metadata.tables["ledger"]
REPORTS = SQLModel.metadata.tables["reports"]

DOUBTFUL = (MessageState.UNKNOWN, MessageState.CLAIMED, MessageState.SUBMITTING)
"""The states of a message that a provider may or may not have."""
_GOALS = "$.model.goals"


def became(fact: OfCampaign, now: datetime, customer_id: Any, *, postgresql: bool) -> Sql:
    """Return whether a campaign's message had the outcome that a fact asks for; NULL if unknown.

    Args:
        fact: the question, and the campaign.
        now: the moment of the judgement: what happened after it does not count.
        customer_id: a column, or one customer's id.
        postgresql: write it for PostgreSQL; else for SQLite.

    Returns:
        The expression.
    """
    match fact.asks:
        case "received":
            return case(
                (_any(_messages(fact, now, customer_id, MessageState.SENT)), true()),
                (_any(_messages(fact, now, customer_id, *DOUBTFUL)), null()),
                else_=no(),
            )
        case "clicked":
            had = _messages(fact, now, customer_id, MessageState.SENT, *DOUBTFUL)
            blind = had.where(LEDGER.c.channel.not_in([one.value for one in MEASURED]))
            clicks = _messages(fact, now, customer_id).join(
                REPORTS, REPORTS.c.ledger_id == LEDGER.c.id
            )
            clicks = clicks.where(
                REPORTS.c.kind == Kind.CLICKED.value,
                REPORTS.c.machine.is_(None),
                REPORTS.c.at <= now,
            )
            return case((_any(clicks), true()), (_any(blind), null()), else_=no())
        case "reached":
            return _any(_reached(fact, now, customer_id, postgresql=postgresql))


def in_doubt(campaign: str, now: datetime, customer_id: Any) -> Sql:
    """Return whether a customer's message of a campaign is in doubt, or being handed over.

    Args:
        campaign: its id.
        now: the moment of the judgement.
        customer_id: a column, or one customer's id.

    Returns:
        The expression; it is never NULL.
    """
    asked = OfCampaign(asks="received", campaign=campaign)
    return _any(_messages(asked, now, customer_id, *DOUBTFUL))


def _messages(
    fact: OfCampaign, now: datetime, customer_id: Any, *states: MessageState
) -> Select[Any]:
    query = (
        select(literal(1))
        .select_from(LEDGER)
        .where(
            LEDGER.c.customer_id == customer_id,
            LEDGER.c.workflow_id == PREFIX + fact.campaign,
            LEDGER.c.decided_at <= now,
        )
    )
    return query.where(LEDGER.c.state.in_(states)) if states else query


def _reached(fact: OfCampaign, now: datetime, customer_id: Any, *, postgresql: bool) -> Select[Any]:
    goals: Any
    if postgresql:
        goals = select(func.json_array_elements_text(CAMPAIGNS.c.plan["model"]["goals"]))
    else:
        goals = select(func.json_each(CAMPAIGNS.c.plan, _GOALS).table_valued("value").c.value)
    return (
        select(literal(1))
        .select_from(EVENTS)
        .join(CAMPAIGNS, CAMPAIGNS.c.id == fact.campaign)
        .where(
            EVENTS.c.customer_id == customer_id,
            EVENTS.c.occurred_at > CAMPAIGNS.c.frozen_at,
            EVENTS.c.occurred_at <= now,
            EVENTS.c.name.in_(goals.correlate(CAMPAIGNS)),
        )
    )


def _any(rows: Select[Any]) -> Sql:
    customers = SQLModel.metadata.tables["customers"]
    return exists(rows.correlate(customers))
