"""Runs in this process: the real gate decides on the store, and there is no server."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import col

from sojourn.dispatch.entering import Judge
from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.events import JourneyStopped
from sojourn.domain.messages import EDITION, Delivery, Enrolment, Receipt, Status
from sojourn.domain.rules import NO_RULES, Rules
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.domain.verdict import Late
from sojourn.journeys.in_process import Played, play
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.settings import Settings
from sojourn.store import events, people
from sojourn.store.tables import EventRow, LedgerRow, RunRow
from tests.support.cli_stack import Cli
from tests.support.happened import begun, happened


class Life:
    """Plays the runs of one project.

    Attributes:
        rules: the rules of the policy.
    """

    def __init__(self, cli: Cli, project: Project) -> None:
        self.cli = cli
        self.project = project
        self.rules: Rules = NO_RULES
        self.settings = Settings(home=cli.home)

    async def enters(
        self, journey: type[Journey], customer_id: str, at: datetime, **properties: Any
    ) -> RunRow | None:
        """Store an event that starts a run, and judge it as dispatch does."""
        given = {"product_id": "p", "cart_id": "k", **properties}
        row = await happened(self.cli, customer_id, "Product Added", at, **given)
        event = events.typed(row, self.project.events)
        judge = Judge(Journeys([journey]), "UTC", timedelta(0))
        async with self.cli.store.transaction() as session:
            person = await people.lock(session, customer_id)
            verdicts = await judge.judge(session, person, [(row, event)])
        if any(verdict.reason for verdict in verdicts.values()):
            return None
        return await begun(self.cli, journey.name, row, given["cart_id"])

    async def lives(
        self,
        journey: type[Journey],
        run: RunRow,
        up_to: datetime,
    ) -> Played:
        """Play a run up to a moment: the gate decides on messages, which are accepted at once."""
        async with self.cli.store.reading() as session:
            start = await events.find(session, run.enrolment)
        assert start is not None
        enrolment = Enrolment(
            customer_id=run.customer_id,
            key=run.key,
            start=events.heard(start, events.typed(start, self.project.events)),
            timezone="Europe/Rome",
            edition=EDITION,
        )
        return await play(journey, run.workflow_id, enrolment, self, up_to=up_to)

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        gate = Gate.of(
            self.cli.store,
            self.settings,
            self.project,
            lambda: self.rules,
            lambda *_: delivery.channels,
        )
        answer = await gate.pass_or_refuse(delivery, delivery.now)
        if isinstance(answer, Late):  # its wait was no longer than the plan
            sure = delivery.model_copy(update={"useful_for": None})
            answer = await gate.pass_or_refuse(sure, delivery.now)
        if isinstance(answer, Claim):
            async with self.cli.store.transaction() as session:
                await session.exec(
                    update(LedgerRow)
                    .where(col(LedgerRow.id) == answer.ledger_id)
                    .values(state="sent", provider="postmark")
                )
            return Receipt(status=Status.SENT, channel=answer.channel), delivery.now
        assert isinstance(answer, Receipt), answer
        return answer, delivery.now

    async def call(self, asked: Asked) -> Reply:
        raise AssertionError(asked)

    async def say(self, said: Saying, summary: str) -> bool:
        raise AssertionError(said)

    async def ask(self, asked: Question) -> Reply:
        raise AssertionError(asked)

    async def task(self, said: Opening | Closing) -> TaskStand:
        raise AssertionError(said)

    async def stopped(self, run: RunRow, at: datetime) -> EventRow:
        """Store an operator's stop."""
        return await happened(
            self.cli,
            run.customer_id,
            JourneyStopped.event_name,
            at,
            run=run.workflow_id,
            because="a mistake",
        )
