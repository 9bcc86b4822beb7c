"""A message waits for words that may be on their way, and for no "yes" after a "no"."""

from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.calendar import zone
from sojourn.domain.consent import Consents
from sojourn.domain.customer import Customer
from sojourn.domain.introduction import cured_by, wait_for_words
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.policy import Recipient

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EMAIL, SMS, PUSH = Channel.EMAIL, Channel.SMS, Channel.PUSH


def wait(
    reason: Reason,
    *,
    reachable: set[Channel] = frozenset(),  # type: ignore[assignment]
    agreed: dict[Channel, bool] | None = None,
    suppressed: set[Channel] = frozenset(),  # type: ignore[assignment]
    channels: tuple[Channel, ...] = (EMAIL,),
    after: timedelta = timedelta(seconds=1),
    useful: timedelta = DAY,
    topics: Consents | None = None,
    own: str = "",
) -> timedelta | None:
    """Return until when a message waits, counted from the start of its run."""
    recipient = Recipient(
        known=reason is not Reason.UNKNOWN_CUSTOMER,
        erased=False,
        reachable=frozenset(reachable),
        consents=topics or Consents(agreed or {}),
        tz=zone("UTC"),
        suppressed=frozenset(suppressed),
    )
    until = wait_for_words(
        reason,
        recipient,
        channels,
        now=NOON + after,
        started=NOON,
        useful_until=NOON + useful,
        needs_own_yes=own,
    )
    return None if until is None else until - NOON


def test_somebody_nobody_knows_is_waited_for_as_long_as_the_message_is_of_use() -> None:
    assert wait(Reason.UNKNOWN_CUSTOMER) == DAY - MINUTE
    assert wait(Reason.UNKNOWN_CUSTOMER, after=20 * HOUR) == DAY - MINUTE


def test_somebody_without_any_address_is_as_good_as_unknown() -> None:
    assert wait(Reason.NO_ADDRESS, after=20 * HOUR) == DAY - MINUTE


def test_another_address_of_somebody_who_can_be_reached_is_waited_for_in_the_first_hour() -> None:
    assert wait(Reason.NO_ADDRESS, reachable={SMS}) == HOUR
    assert wait(Reason.NO_ADDRESS, reachable={SMS}, useful=30 * MINUTE) == 29 * MINUTE
    assert wait(Reason.NO_ADDRESS, reachable={SMS}, after=HOUR) is None
    assert wait(Reason.NO_ADDRESS, reachable={SMS}, after=DAY, useful=2 * DAY) is None


def test_a_consent_that_nobody_has_given_or_refused_is_waited_for_in_the_first_hour() -> None:
    assert wait(Reason.NO_CONSENT, reachable={EMAIL}) == HOUR
    assert wait(Reason.NO_CONSENT, reachable={EMAIL}, after=DAY, useful=2 * DAY) is None


def test_after_a_no_nothing_waits_for_a_yes() -> None:
    assert wait(Reason.NO_CONSENT, reachable={EMAIL}, agreed={EMAIL: False}) is None
    both = (EMAIL, SMS)
    assert wait(Reason.NO_CONSENT, reachable={EMAIL}, agreed={EMAIL: False}, channels=both) is None


def test_a_topic_that_needs_a_yes_of_its_own_is_waited_for_until_a_word_on_it() -> None:
    agreed = {EMAIL: True}
    for words, until in (
        (Consents(agreed), HOUR),
        (Consents(agreed, refused=frozenset({(EMAIL, "news")})), None),
        (Consents(agreed, expired={(None, "news"): NOON}), None),
        (Consents(agreed, agreed=frozenset({(EMAIL, "other")})), HOUR),
        (Consents({EMAIL: False}), None),
    ):
        assert wait(Reason.NO_CONSENT, reachable={EMAIL}, topics=words, own="news") == until
    assert wait(Reason.NO_CONSENT, reachable={EMAIL}, topics=Consents(agreed)) is None


def test_a_yes_for_a_dead_address_is_not_waited_for() -> None:
    assert wait(Reason.NO_CONSENT, reachable={EMAIL}, suppressed={EMAIL}) is None


@pytest.mark.parametrize(
    "reason", sorted(set(Reason) - {Reason.UNKNOWN_CUSTOMER, Reason.NO_ADDRESS, Reason.NO_CONSENT})
)
def test_no_other_reason_is_waited_out(reason: Reason) -> None:
    assert wait(reason) is None


@pytest.mark.parametrize("useful", [timedelta(0), MINUTE, MINUTE + timedelta(seconds=5)])
def test_a_message_with_no_use_left_does_not_wait(useful: timedelta) -> None:
    assert wait(Reason.UNKNOWN_CUSTOMER, useful=useful, after=timedelta(0)) is None


def test_words_cure_what_they_speak_of() -> None:
    known = Customer("c", known=True)
    reached = Customer("c", known=True, email="ada@shop.example")
    nobody = Reason.UNKNOWN_CUSTOMER
    assert cured_by(known, agrees=False) == (nobody,)
    assert cured_by(reached, agrees=False) == (nobody, Reason.NO_ADDRESS)
    assert cured_by(known, agrees=True) == (nobody, Reason.NO_CONSENT)
