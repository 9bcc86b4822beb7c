"""A month of a made-up shop as rollups, for pages whose figures need only look real."""

import random
from datetime import UTC, date, datetime, timedelta

from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.measuring.attribution import MICROS, Model
from sojourn.store import Store
from sojourn.store.tables import CampaignRow, RollupMoneyRow, RollupReasonRow, RollupRow

JOURNEYS = {
    "abandoned-cart": {"reminder": 0.08, "nudge": 0.04, "offer": 0.05},
    "after-purchase": {"thanks": 0.02, "review": 0.03},
    "onboarding": {"welcome": 0.06, "feature": 0.03},
}
"""The steps of each journey, with the share of messages that lead to an order."""
REASONS = ("no_consent", "goal_reached", "cap", "suppressed", "opted_out", "no_address")
BOXES = {"gmail": 40, "libero": 18, "wp": 14, "microsoft": 12, "onet": 9, "apple": 6, "other": 20}
LAST = date(2026, 11, 29)
DAYS = 30


async def lived(store: Store, chance: random.Random, *, odd: str = "") -> None:
    """Fill a store with the rollups of a month.

    Args:
        store: an empty store.
        chance: the source of random numbers.
        odd: a text to put into every text field.
    """
    days = [LAST - timedelta(days=n) for n in reversed(range(DAYS))]
    for number, day in enumerate(days):
        for source, steps in JOURNEYS.items():
            entered = round((60 + number) * (0.7 + 0.6 * chance.random()))
            await _add(store, RollupRow(day=day.isoformat(), source=source + odd, entered=entered))
            for step, share in steps.items():
                for box, weight in BOXES.items():
                    row = _row(
                        chance,
                        day,
                        source + odd,
                        step + odd,
                        due=weight / 119 * entered,
                        share=share,
                    )
                    row.mailbox = box + odd
                    row.language = chance.choice(["en", "it", "pl"]) + odd
                    await _tell(store, chance, row, odd)
    for variant, share in (("plain", 0.02), ("warm", 0.032)):
        row = _row(chance, days[10], "newsletter" + odd, "message" + odd, due=2600, share=share)
        row.clicked = round(row.sent * share * 3)
        row.variant = variant + odd
        row.mailbox = "gmail" + odd
        row.occasion = "2026-11-10"
        await _tell(store, chance, row, odd)
    at = datetime(2026, 11, 10, 8, tzinfo=UTC)
    async with store.transaction() as session:
        session.add(
            CampaignRow(
                id=f"newsletter{odd}@2026-11-10", name="newsletter" + odd, digest="d", plan={},
                state=CampaignState.FINISHED, launched_at=at, launched_by="Ada", frozen_at=at,
                size=5400, changed_at=at,
            )
        )  # fmt: skip


def _row(
    chance: random.Random, day: date, source: str, step: str, *, due: float, share: float
) -> RollupRow:
    row = RollupRow(
        day=day.isoformat(), source=source, step=step, channel="email", version="a1b2c3",
        due=max(round(due * (0.8 + 0.4 * chance.random())), 1),
    )  # fmt: skip
    row.held = round(row.due * 0.2 * chance.random())
    row.skipped = round(row.due * 0.45 * chance.random())
    row.sent = row.due - row.skipped
    row.bounced = sum(chance.random() < 0.01 for _ in range(row.sent))
    row.complained = sum(chance.random() < 0.0005 for _ in range(row.sent))
    row.delivered = row.sent - row.bounced
    row.clicked = sum(chance.random() < 0.12 for _ in range(row.sent))
    row.clicked_by_machine = row.clicked // 3
    row.unsubscribed = sum(chance.random() < 0.002 for _ in range(row.sent))
    row.converted = sum(chance.random() < share for _ in range(row.sent))
    return row


async def _tell(store: Store, chance: random.Random, row: RollupRow, odd: str) -> None:
    more: list[RollupReasonRow | RollupMoneyRow] = []
    left = row.skipped
    for reason in REASONS:
        part = min(left, round(row.skipped * chance.random() * 0.6))
        left -= part
        if part:
            more.append(RollupReasonRow(rollup_id=0, reason=reason + odd, n=part))
    if row.converted:
        currency = chance.choice(["EUR", "EUR", "PLN"])
        more += [
            RollupMoneyRow(
                rollup_id=0, model=model, currency=currency + odd,
                orders=row.converted * MICROS,
                value=row.converted * chance.randrange(2500, 9000) * MICROS // 100,
            )
            for model in Model
        ]  # fmt: skip
    await _add(store, row, *more)


async def _add(store: Store, row: RollupRow, *more: RollupReasonRow | RollupMoneyRow) -> None:
    async with store.transaction() as session:
        session.add(row)
        await session.flush()
        assert row.id is not None
        for one in more:
            one.rollup_id = row.id
            session.add(one)
