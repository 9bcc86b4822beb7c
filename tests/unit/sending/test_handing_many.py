"""Many parcels handed over: each has an end of its own, by the rules of a single one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from sojourn.channels.fence import Fence, current
from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.content import Content
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    FenceClosed,
    InvalidRecipient,
    PermanentError,
    ProviderError,
    RateLimited,
    TransientError,
    Unforeseen,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.states import AttemptState
from sojourn.sending.handing import to_its_end
from sojourn.sending.handing_many import Outcome, hand_over_many, is_keyed

DAY = timedelta(days=1)
MAIL = Content(Channel.EMAIL, "t", "en", subject="s", html="<p>x</p>", text="x")


def parcels(number: int) -> list[Parcel]:
    return [
        Parcel(f"k{n}", f"guest{n}@shop.example", MAIL, MessageClass.PROMOTIONAL)
        for n in range(number)
    ]


class Single:
    """A provider that takes one message a call."""

    name = "single"
    channels = frozenset({Channel.EMAIL})
    abilities = Abilities(fenced=True)

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.alone: list[str] = []
        self.taken: list[str] = []
        self.do: Callable[[Sequence[Parcel]], Awaitable[None]] | None = None
        self.under_way = self.most = 0

    async def send(self, parcel: Parcel) -> str:
        self.alone.append(parcel.ledger_key)
        (said,) = await self.take([parcel])
        if isinstance(said, ProviderError):
            raise said
        return said

    async def take(self, batch: Sequence[Parcel]) -> list[str | ProviderError]:
        self.calls.append([one.ledger_key for one in batch])
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        try:
            if self.do is not None:
                await self.do(batch)
            current().cross()
            self.taken += [one.ledger_key for one in batch]
            return [f"id-{one.ledger_key}" for one in batch]
        finally:
            self.under_way -= 1

    async def probe(self) -> None: ...

    async def close(self) -> None: ...


class Batch(Single):
    """A provider that takes four messages a call."""

    name = "batch"
    batch_of = 4

    def may_share(self, parcel: Parcel) -> bool:
        return True

    async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
        return await self.take(parcels)


async def over(provider: Single, number: int, at_once: int = 1) -> list[Outcome]:
    given = parcels(number)
    outcomes = await hand_over_many(provider, given, Fence(), at_once=at_once)
    assert [outcome.parcel for outcome in outcomes] == given
    return outcomes


def errors(outcomes: Sequence[Outcome]) -> list[type[ProviderError] | type[None]]:
    return [type(outcome.error) for outcome in outcomes]


# ---- calls -------------------------------------------------------------------------------------


async def test_parcels_go_in_calls_of_as_many_as_the_provider_takes() -> None:
    provider = Batch()
    outcomes = await over(provider, 9)
    assert [len(call) for call in provider.calls] == [4, 4, 1]
    assert provider.alone == ["k8"], "a single one has a key of its own"
    assert [outcome.provider_id for outcome in outcomes] == [f"id-k{n}" for n in range(9)]
    assert {outcome.state for outcome in outcomes} == {AttemptState.ACCEPTED}


async def test_single_calls_are_under_way_side_by_side_and_no_more_than_allowed() -> None:
    provider = Single()
    await over(provider, 9, at_once=3)
    assert provider.most == 3
    assert sorted(provider.taken) == [f"k{n}" for n in range(9)]


async def test_nothing_is_called_for_nothing() -> None:
    assert await over(Batch(), 0) == []


async def test_the_outbox_takes_all_in_one_call() -> None:
    outcomes = await hand_over_many(Outbox(), parcels(1000), Fence(), at_once=1)
    assert [outcome.provider_id for outcome in outcomes] == [f"outbox:k{n}" for n in range(1000)]


# ---- faults ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Single, Batch])
@pytest.mark.parametrize("error", [RateLimited("slow"), AccountError("who are you?")])
async def test_calls_that_have_not_begun_are_not_made_after_not_so_fast_and_not_you(
    kind: type[Single], error: ProviderError
) -> None:
    provider = kind()

    async def refuse(batch: Sequence[Parcel]) -> None:
        if batch[-1].ledger_key >= "k5":
            raise error

    provider.do = refuse
    outcomes = await over(provider, 12)
    taken = 5 if kind is Single else 4
    assert len(provider.calls) == (6 if kind is Single else 2)
    assert errors(outcomes) == [type(None)] * taken + [type(error)] * (12 - taken)
    assert {outcome.state for outcome in outcomes[taken:]} == {AttemptState.RELEASED}


async def test_what_is_said_of_one_parcel_of_a_call_is_its_own() -> None:
    class Says(Batch):
        async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
            first, *_ = await self.take(parcels)
            return [
                first,
                InvalidRecipient("nobody"),
                RateLimited("slow"),
                AmbiguousSend("perhaps"),
            ]

    provider = Says()
    outcomes = await over(provider, 6)
    assert outcomes[0].provider_id == "id-k0"
    assert errors(outcomes) == [
        type(None),
        InvalidRecipient,
        RateLimited,
        AmbiguousSend,
        RateLimited,
        RateLimited,
    ]
    assert [outcome.state for outcome in outcomes[:4]] == [
        AttemptState.ACCEPTED,
        AttemptState.REFUSED,
        AttemptState.RELEASED,
        AttemptState.AMBIGUOUS,
    ]
    assert len(provider.calls) == 1


async def test_a_fault_of_a_call_is_that_of_its_parcels_and_of_no_others() -> None:
    provider = Batch()

    async def fail(batch: Sequence[Parcel]) -> None:
        if batch[0].ledger_key == "k0":
            raise TransientError("later")
        if batch[0].ledger_key == "k4":
            raise AmbiguousSend("perhaps")

    provider.do = fail
    outcomes = await over(provider, 12)
    assert errors(outcomes) == [TransientError] * 4 + [AmbiguousSend] * 4 + [type(None)] * 4


@pytest.mark.parametrize("error", [ContentRejected("too large"), InvalidRecipient("nobody")])
async def test_a_refusal_of_a_call_befalls_only_the_parcel_it_is_about(
    error: PermanentError,
) -> None:
    provider = Batch()

    async def refuse(batch: Sequence[Parcel]) -> None:
        if any(one.ledger_key == "k2" for one in batch):
            raise error

    provider.do = refuse
    outcomes = await over(provider, 8)
    assert [n for n, outcome in enumerate(outcomes) if outcome.error] == [2]
    assert outcomes[2].error is error
    assert sorted(provider.taken) == ["k0", "k1", "k3", "k4", "k5", "k6", "k7"]


@pytest.mark.parametrize(("crosses", "expected"), [(False, Unforeseen), (True, AmbiguousSend)])
@pytest.mark.parametrize("kind", [Single, Batch])
async def test_a_bug_is_certain_before_the_first_byte_and_a_doubt_after_it(
    kind: type[Single], expected: type[ProviderError], *, crosses: bool
) -> None:
    provider = kind()

    async def fail(batch: Sequence[Parcel]) -> None:
        if crosses:
            current().cross()
        raise KeyError("id")

    provider.do = fail
    outcomes = await over(provider, 2)
    assert errors(outcomes) == [expected] * 2
    assert all(isinstance(o.error and o.error.__cause__, KeyError) for o in outcomes)
    assert {str(outcome.error) for outcome in outcomes} == {"KeyError: 'id'"}


async def test_calls_do_not_share_the_certainty_of_one_fence() -> None:
    provider = Batch()

    async def fail(batch: Sequence[Parcel]) -> None:
        if batch[0].ledger_key == "k0":
            current().cross()
        if batch[0].ledger_key != "k8":
            raise KeyError("id")

    provider.do = fail
    outcomes = await over(provider, 9)
    assert errors(outcomes) == [AmbiguousSend] * 4 + [Unforeseen] * 4 + [type(None)]


async def test_answers_for_fewer_parcels_leave_all_in_doubt() -> None:
    class Short(Batch):
        async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
            return (await self.take(parcels))[1:]

    outcomes = await over(Short(), 3)
    assert errors(outcomes) == [AmbiguousSend] * 3
    assert str(outcomes[0].error) == "2 answers for 3 messages"


# ---- the fence and cancellation ----------------------------------------------------------------


async def test_nothing_is_called_after_the_fence_has_closed() -> None:
    provider, fence = Batch(), Fence()

    async def stand_still(batch: Sequence[Parcel]) -> None:
        fence.shut()

    provider.do = stand_still
    outcomes = await hand_over_many(provider, parcels(9), fence, at_once=1)
    assert errors(outcomes) == [FenceClosed] * 9
    assert (len(provider.calls), provider.taken) == (1, [])


async def test_a_cancelled_attempt_hears_the_answers_under_way_and_begins_no_call() -> None:
    class Slow(Batch):
        async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
            said = await self.take(parcels)
            left.set()
            await answered.wait()
            return said

    provider, fence = Slow(), Fence()
    left, answered = asyncio.Event(), asyncio.Event()
    ended: list[Outcome] = []

    async def note() -> None:
        ended.extend(await hand_over_many(provider, parcels(8), fence, at_once=1))

    attempt = asyncio.ensure_future(to_its_end(note(), fence))
    await left.wait()
    attempt.cancel()
    await asyncio.sleep(0)
    answered.set()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert len(provider.calls) == 1
    assert errors(ended) == [type(None)] * 4 + [FenceClosed] * 4


# ---- keys --------------------------------------------------------------------------------------


def test_a_parcel_of_a_batch_is_known_again_only_where_the_provider_says_so() -> None:
    class Keyed(Batch):
        abilities = Abilities(idempotent_for=DAY)

    class KeyedEach(Batch):
        abilities = Abilities(idempotent_for=DAY, batch_keyed=True)

    class KeyedSingle(Single):
        abilities = Abilities(idempotent_for=DAY)

    assert [is_keyed(Keyed(), n) for n in (1, 2)] == [True, False]
    assert is_keyed(KeyedEach(), 2)
    assert is_keyed(KeyedSingle(), 2)
    assert is_keyed(Outbox(), 1000)
