"""A message that names several channels takes the first that can carry it."""

from pathlib import Path

from sojourn.domain.errors import (
    ContentRejected,
    EndpointGone,
    WrongSender,
)
from sojourn.domain.messages import Channel, Reason, Status
from tests.support.desk import NUDGE, Desk, Killed


async def test_a_message_refused_by_one_channel_takes_the_next(desk: Desk) -> None:
    desk.carrier.answers.append(EndpointGone("unregistered"))
    answer = await desk.send(**NUDGE)
    assert (answer.status, answer.reason) == (Status.DEFERRED, Reason.OTHER_CHANNEL)
    assert answer.channel is Channel.SMS
    for _ in range(2):
        sent = await desk.send(**NUDGE, channel=Channel.SMS)
        assert (sent.status, sent.channel) == (Status.SENT, Channel.SMS)
    push, sms = await desk.rows()
    assert (push.channel, push.state, push.reason) == ("push", "rejected", "invalid_address")
    assert (sms.channel, sms.state) == ("sms", "sent")
    assert push.ledger_key != sms.ledger_key
    assert [parcel.content.channel for parcel in desk.carrier.carried] == [Channel.SMS]
    # a retry whose answer was lost starts on the first queue again
    assert (await desk.send(**NUDGE)).status is Status.SENT


async def test_a_message_refused_by_every_channel_is_rejected(desk: Desk) -> None:
    desk.carrier.answers += [EndpointGone("unregistered"), ContentRejected("filtered")]
    await desk.send(**NUDGE)
    for _ in range(2):
        receipt = await desk.send(**NUDGE, channel=Channel.SMS)
        assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.REFUSED)
    assert [row.state for row in await desk.rows()] == ["rejected", "rejected"]


async def test_the_refusal_of_the_only_reachable_channel_is_the_reason(desk: Desk) -> None:
    await desk.identify(phone="")
    desk.carrier.answers.append(EndpointGone("unregistered"))
    receipt = await desk.send(**NUDGE)
    assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.INVALID_ADDRESS)
    assert len(await desk.rows()) == 1


async def test_a_device_of_another_sender_is_refused_once_and_not_suppressed(desk: Desk) -> None:
    await desk.identify(phone="")
    desk.carrier.answers.append(WrongSender("SENDER_ID_MISMATCH"))
    receipt = await desk.send(**NUDGE)
    assert (receipt.status, receipt.reason) == (Status.REJECTED, Reason.REFUSED)
    assert (await desk.send(**NUDGE, n=2)).status is Status.SENT


async def test_a_purchase_between_two_channels_skips_the_message(desk: Desk) -> None:
    desk.carrier.answers.append(EndpointGone("unregistered"))
    await desk.send(**NUDGE)
    await desk.buy()
    receipt = await desk.send(**NUDGE, channel=Channel.SMS)
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.GOAL_REACHED)


async def test_a_customer_without_a_device_gets_the_message_by_the_next_channel(desk: Desk) -> None:
    await desk.identify(pushToken="")
    assert (await desk.send(**NUDGE)).channel is Channel.SMS
    assert await desk.rows() == []  # only the channel was decided
    assert (await desk.send(**NUDGE, channel=Channel.SMS)).status is Status.SENT


async def test_a_channel_without_the_template_is_passed_over(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "abandoned-cart"
    folder.mkdir()
    (folder / "nudge.sms.en.txt").write_text("{% block text %}Hello{% endblock %}")
    desk.templates = tmp_path
    assert (await desk.send(**NUDGE)).channel is Channel.SMS
    assert await desk.rows() == []  # nothing was tried by push
    assert (await desk.send(**NUDGE, channel=Channel.SMS)).status is Status.SENT


async def test_a_message_in_doubt_is_settled_on_its_own_channel(desk: Desk) -> None:
    desk.carrier.answers.append(Killed())
    await desk.die(**NUDGE)
    back = await desk.send(**NUDGE, channel=Channel.SMS)
    assert (back.reason, back.channel) == (Reason.OTHER_CHANNEL, Channel.PUSH)
