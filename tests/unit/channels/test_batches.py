"""Parcels that share a call, and the answer that each of them keeps."""

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.channels.batches import batches, each_of
from sojourn.channels.outbox import Outbox
from sojourn.channels.postmark import Postmark
from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.content import Attachment, Content
from sojourn.domain.errors import (
    AmbiguousSend,
    InvalidRecipient,
    ProviderError,
    RateLimited,
    Unforeseen,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.testkit.fakes.postmark import MOST, MOST_BYTES, FakePostmark
from sojourn.testkit.pairs import configured

MAIL = Content(Channel.EMAIL, "t", "en", subject="s", html="<p>x</p>", text="x")
FILE = Attachment("invoice.pdf", "application/pdf", "aGk=")


class Limited(Outbox):
    """A provider that takes three messages a call."""

    batch_of = 3

    def __init__(self, abilities: Abilities = Abilities()) -> None:  # noqa: B008
        self.abilities = abilities

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


def test_what_is_larger_than_a_call_of_several_goes_alone() -> None:
    small, large = parcel(1), parcel(2, replace(MAIL, html='"' * 30_000))
    provider = Limited(Abilities(batch_bytes=20_000))
    assert [len(call) for call in batches(provider, [small, large, small, small])] == [1, 1, 2]


def test_the_bytes_of_a_call_are_not_estimated_too_low() -> None:
    postmark = configured(Postmark, FakePostmark().environment())
    assert (postmark.batch_of, postmark.abilities.batch_bytes) == (MOST, MOST_BYTES)
    bold = '<a href="https://shop.example/\\">\n\tzażółć \x01 \U0001f600</a>' * 3000
    headers = {f"X-{n}": "v" * 300 for n in range(20)}
    content = replace(MAIL, html=bold, text=bold, headers=headers, attachments=(FILE,) * 3)
    parcels = [replace(parcel(n, content), ledger_key="k" * 255) for n in range(400)]
    for call in batches(postmark, parcels):
        written = json.dumps([postmark._email(one) for one in call], ensure_ascii=False)
        assert len(written.encode()) <= MOST_BYTES


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
