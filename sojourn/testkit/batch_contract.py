"""The contract of providers for batches: several messages in one call.

Its tests skip a provider that takes no batches (`SupportsBatch`).
"""

import dataclasses
from typing import Any, ClassVar

import pytest

from sojourn.channels.fence import Fence
from sojourn.channels.provider import Parcel, SupportsBatch
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    InvalidRecipient,
    PermanentError,
    RateLimited,
    TransientError,
    UnsupportedAddress,
)
from sojourn.domain.messages import Channel
from sojourn.sending.handing_many import hand_over_many
from sojourn.testkit.fakes import Behaviour, Fake
from sojourn.testkit.fakes.behaviour import ACCEPTING
from sojourn.testkit.pairs import Pair, connected


class BatchContract:
    """The tests of a provider's batch call."""

    provider: ClassVar[Any]
    fake: ClassVar[type[Fake]]

    def several(self, pair: Pair[Any, Fake], number: int = 3) -> list[Parcel]:
        """Return messages to different people; skip the test if the provider takes no batches."""
        if not isinstance(pair.provider, SupportsBatch):
            pytest.skip("the provider takes one message a call")
        assert pair.channel is Channel.EMAIL, "others have addresses of another form"
        return [
            dataclasses.replace(pair.parcel(), address=f"guest{n}@shop.example")
            for n in range(number)
        ]

    async def test_a_batch_is_one_request_with_a_message_of_its_own_for_each(
        self, pair: Pair[Any, Fake]
    ) -> None:
        parcels = [
            dataclasses.replace(
                parcel,
                content=dataclasses.replace(
                    parcel.content,
                    subject=f"For you {n}",
                    html=f"<p>{n} {{{{name}}}} %recipient.x% -a- [b] \u201c\u017c\u201d</p>",
                    text=f"Number {n}",
                    headers={"List-Unsubscribe": f"<https://shop.example/u/{n}>"},
                ),
            )
            for n, parcel in enumerate(self.several(pair))
        ]
        answers = await pair.provider.send_many(parcels)
        assert pair.fake.asked == 1
        assert answers == [order.id for order in pair.fake.accepted]
        for n, (parcel, order) in enumerate(zip(parcels, pair.fake.accepted, strict=True)):
            assert (order.address, order.reference) == (parcel.address, parcel.reference)
            assert order.text == f"Number {n}"
            assert parcel.content.html in str(order.request)
            assert f"https://shop.example/u/{n}>" in str(order.request)

    async def test_one_refused_address_in_a_batch_is_that_message_s_alone(
        self, pair: Pair[Any, Fake]
    ) -> None:
        parcels = self.several(pair)
        pair.fake.refuses[parcels[1].address] = self._of_an_address(pair.fake)
        first, refused, last = await hand_over_many(pair.provider, parcels, Fence(), at_once=1)
        assert isinstance(refused.error, InvalidRecipient)
        taken = [pair.fake.find(one.parcel.reference) for one in (first, last)]
        assert [one.provider_id for one in (first, last)] == [one and one.id for one in taken]
        assert len(pair.fake.accepted) == 2
        assert pair.fake.asked == 1, "the others need no second call"

    async def test_an_address_that_cannot_be_written_to_keeps_no_other_message_from_leaving(
        self, pair: Pair[Any, Fake]
    ) -> None:
        first, second, third = self.several(pair)
        second = dataclasses.replace(second, address="j\u00f3zef@shop.example")
        answers = await pair.provider.send_many([first, second, third])
        assert isinstance(answers[1], UnsupportedAddress)
        assert [answers[0], answers[2]] == [order.id for order in pair.fake.accepted]
        assert [order.address for order in pair.fake.accepted] == [first.address, third.address]

    async def test_a_rate_limit_holds_for_the_whole_batch_and_for_those_after_it(
        self, pair: Pair[Any, Fake], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parcels = self.several(pair, 5)
        monkeypatch.setattr(type(pair.provider), "batch_of", 2)
        pair.fake.script += [Behaviour.ACCEPT, Behaviour.RATE_LIMIT]
        outcomes = await hand_over_many(pair.provider, parcels, Fence(), at_once=1)
        errors = [outcome.error for outcome in outcomes]
        assert errors[:2] == [None, None]
        assert all(isinstance(error, RateLimited) and error.retry_after for error in errors[2:])
        assert len(pair.fake.accepted) == pair.fake.asked == 2

    async def test_refused_credentials_are_the_fault_of_no_message_of_a_batch(
        self, pair: Pair[Any, Fake]
    ) -> None:
        parcels = self.several(pair)
        pair.fake.authorized = False
        with pytest.raises(AccountError):
            await pair.provider.send_many(parcels)
        assert pair.fake.accepted == []

    @pytest.mark.parametrize(
        "how",
        [Behaviour.FAIL_BEFORE, Behaviour.FAIL_AFTER, Behaviour.DROP_BEFORE, Behaviour.DROP_AFTER],
    )
    async def test_a_batch_that_breaks_leaves_each_message_in_doubt(
        self, pair: Pair[Any, Fake], how: Behaviour
    ) -> None:
        parcels = self.several(pair)
        pair.fake.script += [how, how]  # a provider with idempotency keys may repeat its call
        outcomes = await hand_over_many(pair.provider, parcels, Fence(), at_once=1)
        assert [type(outcome.error) for outcome in outcomes] == [AmbiguousSend] * 3
        assert len(pair.fake.accepted) == (3 if how in ACCEPTING else 0)

    async def test_a_batch_without_an_answer_in_time_leaves_each_message_in_doubt(
        self, channel: Channel
    ) -> None:
        made = connected(type(self).provider, self.fake(), channel, timeout_seconds=0.2)
        async with made as pair:
            parcels = self.several(pair)
            pair.fake.script += [Behaviour.HANG, Behaviour.HANG]
            outcomes = await hand_over_many(pair.provider, parcels, Fence(), at_once=1)
            assert [type(outcome.error) for outcome in outcomes] == [AmbiguousSend] * 3
            assert len(pair.fake.accepted) == 3

    async def test_no_message_of_a_batch_leaves_after_the_fence_has_closed(
        self, pair: Pair[Any, Fake]
    ) -> None:
        parcels = self.several(pair)
        closed = Fence()
        closed.shut()
        outcomes = await hand_over_many(pair.provider, parcels, closed, at_once=1)
        assert all(isinstance(outcome.error, TransientError) for outcome in outcomes)
        with closed.around(), pytest.raises(TransientError):
            await pair.provider.send_many(parcels)
        assert (pair.fake.accepted, closed.crossed) == ([], False)

    async def test_the_provider_takes_as_many_as_we_give_it_in_one_call(
        self, pair: Pair[Any, Fake]
    ) -> None:
        several = self.several(pair, 1)
        most = pair.provider.batch_of
        parcels = several + [pair.parcel() for _ in range(most)]
        with pytest.raises(PermanentError):
            await pair.provider.send_many(parcels)
        assert (pair.fake.asked, pair.fake.accepted) == (1, [])
        outcomes = await hand_over_many(pair.provider, parcels, Fence(), at_once=1)
        assert pair.fake.asked == 3
        assert [one.provider_id for one in outcomes] == [order.id for order in pair.fake.accepted]

    async def test_a_message_of_a_batch_is_found_by_a_look_up(self, pair: Pair[Any, Fake]) -> None:
        parcels, provider = self.several(pair), pair.provider
        if not hasattr(provider, "find"):
            pytest.skip("the provider has no look-up")
        answers = await provider.send_many(parcels)
        since = pair.fake.accepted[0].at
        assert [await provider.find(one, since) for one in parcels] == answers

    def _of_an_address(self, fake: Fake) -> str:
        refusals = fake.refusals().items()
        return next(name for name, refused in refusals if refused.error is InvalidRecipient)
