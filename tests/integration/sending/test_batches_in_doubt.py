"""A message that left in a call with others, and what an idempotency key is worth after that."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from sojourn.channels.fence import Fence
from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.errors import (
    AmbiguousSend,
    ProviderError,
    TransientError,
)
from sojourn.domain.messages import MessageClass, Status
from sojourn.domain.states import MessageState
from sojourn.sending.drafting import Claim
from sojourn.sending.handing_many import hand_over_many, is_keyed
from sojourn.sending.recording import Recorder
from sojourn.store import attempts, proofs, settling
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, Desk, Killed

HAPPENS = ("taken", "lost before", "lost after", "killed before", "killed after", "busy")


@dataclass
class Vendor:
    """A provider's side: what it has delivered, and the request of each idempotency key."""

    delivered: list[str] = field(default_factory=list)
    requests: dict[str, list[str]] = field(default_factory=dict)

    def request(self, key: str, references: Sequence[str], *, keys: bool) -> list[str]:
        if keys and key in self.requests:
            return self.requests[key]
        first = len(self.delivered)
        self.delivered += references
        self.requests[key] = [f"id-{first + n}" for n in range(len(references))]
        return self.requests[key]


class Carrier(Outbox):
    """A provider at which the next request meets a fate."""

    name = "carrier"

    def __init__(self, vendor: Vendor, *, keys: bool) -> None:
        self.vendor = vendor
        self.keys = keys
        self.fate = "taken"
        self.abilities = Abilities(idempotent_for=DAY if keys else timedelta(0))

    async def send(self, parcel: Parcel) -> str:
        return self._meets(parcel.reference, [parcel.reference])[0]

    async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
        names = [parcel.reference for parcel in parcels]
        return [*self._meets("+".join(names), names)]

    def _meets(self, key: str, references: Sequence[str]) -> list[str]:
        fate, self.fate = self.fate, "taken"
        if fate == "busy":
            raise TransientError("busy")
        if fate == "killed before":
            raise Killed
        if fate != "lost before":
            said = self.vendor.request(key, references, keys=self.keys)
        if fate in ("lost before", "lost after"):
            raise AmbiguousSend("the line went dead")
        if fate == "killed after":
            raise Killed
        return said


class Asked(Carrier):
    """A provider that can be asked, too."""

    looks_up_after = timedelta(0)

    async def find(self, parcel: Parcel, since: Any) -> str | None:
        names = self.vendor.delivered
        return f"id-{names.index(parcel.reference)}" if parcel.reference in names else None


async def together(desk: Desk, carrier: Carrier, hours: float = 0, **changes: Any) -> None:
    """Hand the message over in a call with another one, as one attempt of a campaign does."""
    now = NOON + DAY + timedelta(hours=hours)
    claim = await desk.gate.pass_or_refuse(desk.delivery(**changes), now)
    if not isinstance(claim, Claim) or claim.content is not None:
        return  # settled, or in doubt: a matter of single attempts
    recorder = Recorder(desk.store)
    content = desk.messages.render(desk.delivery(**changes), claim)
    keyed = is_keyed(carrier, 2)
    assert await recorder.submit(claim, carrier, content, now, keyed=keyed)
    kind = desk.delivery(**changes).message_class
    parcel = Parcel(claim.ledger_key, claim.address, content, kind)
    parcels = [parcel, replace(parcel, ledger_key=f"{claim.ledger_key}-another")]
    own, _ = await hand_over_many(carrier, parcels, Fence(), at_once=1)
    match own.error:
        case None:
            await recorder.sent(claim, carrier, own.provider_id)
        case TransientError() as error:
            await recorder.released(claim, carrier, error)
        case AmbiguousSend() as error:
            await recorder.in_doubt(claim, carrier, error)
        case error:
            raise error


async def alone(desk: Desk, hours: float = 0, **changes: Any) -> Status | None:
    """Make one single attempt, and return how the message ended, if it has."""
    try:
        return (await desk.send(waited=timedelta(hours=hours), **changes)).status
    except ApplicationError:
        return None


def use(desk: Desk, carrier: Carrier) -> Carrier:
    desk.carrier = carrier  # type: ignore[assignment]
    return carrier


# ---- a key of a whole call ----------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["lost after", "lost before"])
async def test_a_message_whose_batch_was_lost_is_not_repeated_under_a_key_that_knows_it_not(
    desk: Desk, fate: str
) -> None:
    vendor = Vendor()
    carrier = use(desk, Carrier(vendor, keys=True))
    carrier.fate = fate
    await together(desk, carrier)
    assert await alone(desk) is Status.UNKNOWN
    assert len(vendor.delivered) == (2 if fate == "lost after" else 0)
    (attempt,) = await desk.attempts()
    assert (attempt.keyed, attempt.state) == (False, "ambiguous")


async def test_a_message_that_left_alone_is_repeated_under_its_key(desk: Desk) -> None:
    vendor = Vendor()
    carrier = use(desk, Carrier(vendor, keys=True))
    carrier.fate = "lost after"
    assert await alone(desk) is None
    assert await alone(desk) is Status.SENT
    assert len(vendor.delivered) == 1
    assert [one.keyed for one in await desk.attempts()] == [True, True]
    assert not (await desk.row()).possible_duplicate


async def test_a_provider_that_can_be_asked_is_asked_about_a_message_of_a_batch(
    desk: Desk,
) -> None:
    vendor = Vendor()
    carrier = use(desk, Asked(vendor, keys=True))
    carrier.fate = "lost after"
    await together(desk, carrier)
    assert await alone(desk) is Status.SENT
    assert len(vendor.delivered) == 2
    assert (await desk.row()).provider_id == "id-0"


async def test_a_needed_message_whose_batch_was_lost_goes_once_more_marked(desk: Desk) -> None:
    vendor = Vendor()
    carrier = use(desk, Carrier(vendor, keys=True))
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    carrier.fate = "lost after"
    await together(desk, carrier, **needed)
    assert await alone(desk, **needed) is Status.SENT
    row = await desk.row()
    assert (row.state, row.possible_duplicate) == (MessageState.SENT, True)
    assert [one.keyed for one in await desk.attempts()] == [False, True]


async def test_a_needed_message_goes_once_more_after_a_batch_and_not_once_for_every_lost_answer(
    desk: Desk,
) -> None:
    vendor = Vendor()
    carrier = use(desk, Carrier(vendor, keys=True))
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    carrier.fate = "lost after"
    await together(desk, carrier, **needed)
    carrier.fate = "lost after"
    assert await alone(desk, **needed) is Status.UNKNOWN
    assert vendor.delivered.count((await desk.row()).reference) == 2


async def test_a_batch_that_is_taken_at_the_second_try_is_one_delivery(desk: Desk) -> None:
    vendor = Vendor()
    carrier = use(desk, Carrier(vendor, keys=True))
    carrier.fate = "busy"
    await together(desk, carrier)
    await together(desk, carrier)
    row = await desk.row()
    assert (row.state, row.possible_duplicate, row.twice_at) == (MessageState.SENT, False, None)
    assert [(one.state, one.keyed) for one in await desk.attempts()] == [
        ("released", False),
        ("accepted", False),
    ]


async def test_an_answer_to_a_message_that_left_in_an_unanswered_batch_as_well_may_be_the_second(
    desk: Desk,
) -> None:
    vendor = Vendor()
    carrier = use(desk, Carrier(vendor, keys=True))
    carrier.fate = "lost after"
    await together(desk, carrier)
    row = await desk.row()
    assert row.id is not None
    async with desk.store.transaction() as session:
        await attempts.begin(session, row.id, 2, provider="carrier", now=NOON)
        row.attempt = 2
        await session.merge(row)
    async with desk.store.transaction() as session:
        assert not await proofs.answered(session, row.id, 2, provider_id="id-9", keyed=True)
    assert (await desk.row()).possible_duplicate


async def test_a_message_in_doubt_is_never_put_into_a_batch_whose_key_is_another(
    desk: Desk,
) -> None:
    vendor = Vendor()
    carrier = use(desk, Carrier(vendor, keys=True))
    carrier.fate = "lost after"
    assert await alone(desk) is None
    row = await desk.row()
    assert row.id is not None
    row.state = MessageState.CLAIMED
    claim = await desk.claim(step="another")
    content = desk.messages.render(desk.delivery(), claim)
    async with desk.store.transaction() as session:
        await session.merge(row)
        with pytest.raises(ValueError, match="goes alone"):
            await settling.submit(
                session,
                row.id,
                row.attempt,
                provider="carrier",
                address="a",
                content=content,
                now=NOON,
                keyed=False,
            )


async def test_a_batch_that_answers_after_its_message_went_again_alone_proves_two_deliveries(
    desk: Desk,
) -> None:
    vendor = Vendor()
    carrier = use(desk, Carrier(vendor, keys=True))
    needed: dict[str, Any] = {"message_class": MessageClass.TRANSACTIONAL}
    carrier.fate = "lost after"
    await together(desk, carrier, **needed)
    assert await alone(desk, **needed) is Status.SENT
    row = await desk.row()
    assert row.id is not None
    async with desk.store.transaction() as session:
        assert await proofs.answered(session, row.id, 1, provider_id=row.provider_id, keyed=True)
    assert (await desk.row()).twice_at is not None


# ---- any sequence ------------------------------------------------------------------------------


doubtful = st.sampled_from(["lost before", "lost after", "killed before", "killed after"])
ways = st.sampled_from(["together", "alone"])
first = st.tuples(ways, doubtful)
steps = st.lists(st.tuples(ways, st.sampled_from(HAPPENS)), max_size=3)


async def test_no_sequence_of_attempts_delivers_a_promotional_message_twice_or_denies_it(
    desk: Desk,
) -> None:
    numbers = iter(range(10**6))
    loop = asyncio.get_running_loop()

    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(first, steps, st.sampled_from([Carrier, Asked]), st.booleans())
    def holds(
        begun: tuple[str, str], plan: list[tuple[str, str]], kind: type[Carrier], keys: bool
    ) -> None:
        run = _run(desk, kind, [begun, *plan], keys=keys, step=f"s{next(numbers)}")
        asyncio.run_coroutine_threadsafe(run, loop).result()

    await asyncio.to_thread(holds)


async def _run(
    desk: Desk, kind: Callable[..., Carrier], plan: list[tuple[str, str]], *, keys: bool, step: str
) -> None:
    vendor = Vendor()
    carrier = use(desk, kind(vendor, keys=keys))
    own = desk.delivery(step=step)
    status = None
    for number, (how, fate) in enumerate([*plan, ("alone", "taken"), ("alone", "taken")]):
        carrier.fate = fate
        hours = number / 10  # past the fence of an attempt that died
        try:
            if how == "together":
                await together(desk, carrier, hours, step=step)
            else:
                status = await alone(desk, hours, step=step)
        except Killed:
            pass
    (row,) = [one for one in await desk.rows() if one.step == step]
    mine = [name for name in vendor.delivered if name == row.reference]
    assert len(mine) <= 1, f"{plan} delivered {own.step} {len(mine)} times"
    assert status in (Status.SENT, Status.UNKNOWN), plan
    if status is Status.SENT:
        assert len(mine) == 1, f"{plan} lost {own.step}"
    if kind is Asked or (keys and not any(how == "together" for how, _ in plan)):
        assert status is Status.SENT, f"{plan} is unknown"
