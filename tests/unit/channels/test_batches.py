"""Parcels that share a call, and the answer that each of them keeps."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.channels.batches import batches, each_of
from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.domain.content import Attachment, Content
from sojourn.domain.errors import (
    AmbiguousSend,
    InvalidRecipient,
    ProviderError,
    RateLimited,
    Unforeseen,
)
from sojourn.domain.messages import Channel, MessageClass

MAIL = Content(Channel.EMAIL, "t", "en", subject="s", html="<p>x</p>", text="x")
FILE = Attachment("invoice.pdf", "application/pdf", "aGk=")


class Limited(Outbox):
    """A provider that takes three messages a call."""

    batch_of = 3

    def may_share(self, parcel: Parcel) -> bool:
        return not parcel.content.attachments


def parcel(number: int = 0, content: Content = MAIL, *, promotional: bool = True) -> Parcel:
    kind = MessageClass.PROMOTIONAL if promotional else MessageClass.TRANSACTIONAL
    return Parcel(f"k{number}", f"guest{number}@shop.example", content, kind)


kinds = st.tuples(st.sampled_from([Channel.EMAIL, Channel.SMS]), st.booleans(), st.booleans())


@given(st.lists(kinds, max_size=30))
def test_each_parcel_is_in_one_call_in_order_and_calls_mix_no_channel_and_no_class(
    wanted: list[tuple[Channel, bool, bool]],
) -> None:
    parcels = [
        parcel(
            n,
            replace(MAIL, channel=channel, attachments=(FILE,) if attached else ()),
            promotional=promotional,
        )
        for n, (channel, promotional, attached) in enumerate(wanted)
    ]
    calls = list(batches(Limited(), parcels))
    assert list(chain(*calls)) == parcels
    for call in calls:
        assert 1 <= len(call) <= Limited.batch_of
        assert len({(one.content.channel, one.message_class) for one in call}) == 1
        assert len(call) == 1 or not any(one.content.attachments for one in call)


def test_calls_are_as_full_as_they_may_be() -> None:
    attached = replace(MAIL, attachments=(FILE,))
    parcels = [parcel(n, attached if n == 8 else MAIL, promotional=n < 10) for n in range(12)]
    assert [len(call) for call in batches(Limited(), parcels)] == [3, 3, 2, 1, 1, 2]


async def test_a_parcel_that_cannot_be_written_has_an_error_of_its_own() -> None:
    def write(one: Parcel) -> str:
        match one.ledger_key:
            case "k1":
                raise InvalidRecipient("no")
            case "k3":
                raise KeyError("bug")
        return one.ledger_key

    async def call(written: Sequence[str]) -> list[str | ProviderError]:
        assert written == ["k0", "k2", "k4"]
        return ["id-0", RateLimited("slow"), "id-4"]

    answers = await each_of([parcel(n) for n in range(5)], write, call)
    kinds = [type(answer) for answer in answers]
    assert kinds == [str, InvalidRecipient, RateLimited, Unforeseen, str]
    assert (answers[0], answers[4]) == ("id-0", "id-4")
    bug = answers[3]
    assert isinstance(bug, Unforeseen)
    assert str(bug) == "KeyError: 'bug'"
    assert isinstance(bug.__cause__, KeyError)


@pytest.mark.parametrize("error", [AmbiguousSend("perhaps"), RateLimited("slow")])
async def test_what_happens_to_a_call_says_nothing_of_a_parcel_that_was_not_in_it(
    error: ProviderError,
) -> None:
    def write(one: Parcel) -> str:
        if one.ledger_key == "k1":
            raise InvalidRecipient("no")
        return one.ledger_key

    async def call(written: Sequence[str]) -> list[str | ProviderError]:
        raise error

    first, second, third = await each_of([parcel(n) for n in range(3)], write, call)
    assert isinstance(second, InvalidRecipient)
    assert (first, third) == (error, error)


async def test_no_call_is_made_for_no_parcel() -> None:
    def write(one: Parcel) -> str:
        raise InvalidRecipient("no")

    async def call(written: Sequence[str]) -> list[str | ProviderError]:
        raise AssertionError("called")

    (answer,) = await each_of([parcel()], write, call)
    assert isinstance(answer, InvalidRecipient)


@pytest.mark.parametrize("answers", [[], ["a"], ["a", "b", "c"]])
async def test_an_answer_of_another_length_leaves_all_in_doubt(answers: list[str]) -> None:
    async def call(written: Sequence[str]) -> Sequence[str]:
        return answers

    with pytest.raises(AmbiguousSend, match="for 2 messages"):
        await each_of([parcel(1), parcel(2)], lambda one: one.ledger_key, call)
