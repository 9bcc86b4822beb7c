"""What every provider must do, tried on each of them and its fake."""

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from sojourn.channels.provider import Parcel, Provider
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    ProviderError,
    RateLimited,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.settings import Settings
from sojourn.testkit.fakes.base import RETRY_AFTER, Behaviour, Fake, serving
from sojourn.testkit.fakes.registry import fakes
from tests.support.project import PROJECT

OURS = {"outbox", "smtp"}
"""One is no server; the other speaks SMTP: tests/integration/channels/test_smtp.py."""
EACH = [pytest.param((fake, c), id=f"{fake.name}-{c}") for fake in fakes() for c in fake.channels]


@dataclass
class Pair:
    """A provider and its fake."""

    provider: Provider
    fake: Fake
    channel: Channel

    def parcel(self, key: str = "") -> Parcel:
        return self.fake.parcel(self.channel, key or f"abandoned-cart:c1:k/{uuid4()}/1-x/x")


@asynccontextmanager
async def connected(
    fake: Fake, channel: Channel, monkeypatch: pytest.MonkeyPatch, patience: str = "10"
) -> AsyncIterator[Pair]:
    async with serving(fake):
        for name, value in fake.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv(f"SOJOURN_{fake.name.upper()}_TIMEOUT_SECONDS", patience)
        settings = Settings().model_copy(update={"public_url": fake.hook_url})
        provider = PROJECT.carriers.shipped[fake.name](settings)
        try:
            yield Pair(provider, fake, channel)
        finally:
            await provider.close()


@pytest.fixture(params=EACH)
async def pair(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Pair]:
    make, channel = request.param
    async with connected(make(), channel, monkeypatch) as pair:
        yield pair


REPORTS = [
    pytest.param((fake, channel, kind), id=f"{fake.name}-{channel}-{kind}")
    for fake in fakes()
    for channel in fake.channels
    for kind in fake.kinds.get(channel, ())
]


def test_every_provider_has_its_fake_and_every_fake_its_provider() -> None:
    known = {(name, c) for name, cls in PROJECT.carriers.shipped.items() for c in cls.channels}
    faked = {(fake.name, c) for fake in fakes() for c in fake.channels}
    assert {one for one in known if one[0] not in OURS} == faked


async def test_what_it_accepts_bears_our_reference(pair: Pair) -> None:
    parcel = pair.parcel()
    provider_id = await pair.provider.send(parcel)
    (order,) = pair.fake.accepted
    assert provider_id == order.id
    assert order.reference == parcel.reference
    assert order.channel is pair.channel
    said = parcel.content.text or parcel.content.body
    assert said.strip() in order.text


async def test_connections_are_kept(pair: Pair) -> None:
    for _ in range(3):
        await pair.provider.send(pair.parcel())
    assert len(pair.fake.accepted) == 3
    assert len(pair.fake.lines) == 1


async def test_too_fast_is_told_with_the_time_to_wait(pair: Pair) -> None:
    pair.fake.script.append(Behaviour.RATE_LIMIT)
    with pytest.raises(RateLimited) as raised:
        await pair.provider.send(pair.parcel())
    assert raised.value.retry_after is not None
    assert abs(raised.value.retry_after - RETRY_AFTER) <= timedelta(seconds=1)
    assert pair.fake.accepted == []


@pytest.mark.parametrize(
    ("how", "count"),
    [
        (Behaviour.FAIL_BEFORE, 0),
        (Behaviour.FAIL_AFTER, 1),
        (Behaviour.DROP_BEFORE, 0),
        (Behaviour.DROP_AFTER, 1),
    ],
)
async def test_what_breaks_after_the_request_went_out_is_in_doubt(
    pair: Pair, how: Behaviour, count: int
) -> None:
    pair.fake.script.append(how)
    with pytest.raises(AmbiguousSend):
        await pair.provider.send(pair.parcel())
    assert len(pair.fake.accepted) == count


@pytest.mark.parametrize("target", EACH)
async def test_no_answer_in_time_is_in_doubt(
    target: tuple[type[Fake], Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, channel = target
    async with connected(make(), channel, monkeypatch, patience="0.2") as pair:
        pair.fake.script.append(Behaviour.HANG)
        with pytest.raises(AmbiguousSend):
            await pair.provider.send(pair.parcel())
        assert len(pair.fake.accepted) == 1


async def test_without_a_connection_nothing_was_sent(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in pair.fake.environment().items():
        # wherever the fake's address stands, nobody listens there
        monkeypatch.setenv(name, value.replace(pair.fake.url, "http://127.0.0.1:9"))
    away = PROJECT.carriers.shipped[pair.fake.name](Settings())
    parcel = pair.parcel()
    address = parcel.address.replace(pair.fake.url, "http://127.0.0.1:9")
    try:
        with pytest.raises(TransientError):
            await away.send(dataclasses.replace(parcel, address=address))
    finally:
        await away.close()


async def test_refused_credentials_are_our_account_s_fault(pair: Pair) -> None:
    pair.fake.authorized = False
    with pytest.raises(AccountError):
        await pair.provider.send(pair.parcel())
    assert pair.fake.accepted == []


@pytest.mark.parametrize(
    "target",
    [
        pytest.param((fake, name), id=f"{fake.name}-{name}")
        for fake in fakes()
        for name in fake().refusals()
    ],
)
async def test_each_refusal_is_what_the_documentation_says(
    target: tuple[type[Fake], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, name = target
    async with connected(make(), make.channels[0], monkeypatch) as pair:
        expected = pair.fake.refusals()[name].error
        pair.fake.script.append(name)
        with pytest.raises(ProviderError) as raised:
            await pair.provider.send(pair.parcel())
        assert type(raised.value) is expected
        assert str(raised.value)


async def test_the_same_parcel_twice_is_one_message_where_it_says_so(pair: Pair) -> None:
    if not pair.provider.abilities.idempotent_for:
        pytest.skip("it takes no idempotency key")
    parcel = pair.parcel()
    pair.fake.script.append(Behaviour.FAIL_AFTER)
    with pytest.raises(AmbiguousSend):
        await pair.provider.send(parcel)
    assert await pair.provider.send(parcel) == pair.fake.accepted[0].id
    assert len(pair.fake.accepted) == 1


async def test_what_is_in_doubt_is_found_where_it_says_so(pair: Pair) -> None:
    if pair.provider.abilities.looks_up_after is None:
        pytest.skip("it cannot be asked")
    since = datetime.now(UTC)
    taken, lost, other = pair.parcel(), pair.parcel(), pair.parcel()
    await pair.provider.send(other)
    pair.fake.script += [Behaviour.DROP_AFTER, Behaviour.DROP_BEFORE]
    for parcel in (taken, lost):
        with pytest.raises(AmbiguousSend):
            await pair.provider.send(parcel)
    assert await pair.provider.find(taken, since) == pair.fake.accepted[1].id
    assert await pair.provider.find(lost, since) is None


async def test_a_probe_sends_nothing(pair: Pair) -> None:
    await pair.provider.probe()
    assert pair.fake.accepted == []
    if pair.fake.probed:
        pair.fake.authorized = False
        with pytest.raises(AccountError):
            await pair.provider.probe()


@pytest.mark.parametrize("target", REPORTS)
async def test_each_report_is_read(
    target: tuple[type[Fake], Channel, Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, channel, kind = target
    async with connected(make(), channel, monkeypatch) as pair:
        parcel = pair.parcel()
        await pair.provider.send(parcel)
        (order,) = pair.fake.accepted
        sent = pair.fake.hook(order, kind, "event-1")
        url = f"{make.hook_url}/webhooks/{make.name}"
        reading = await pair.provider.read(sent.received(url))
        (report,) = reading.reports
        assert report.kind is kind
        assert report.channel is channel
        assert report.event_id
        assert report.hard == (kind in make.hard)
        assert (
            report.reference == parcel.reference
            or report.provider_id == order.id
            or (kind in (Kind.REPLIED, Kind.UNSUBSCRIBED) and report.address == parcel.address)
        )
        assert abs(datetime.now(UTC) - report.at) < timedelta(seconds=5)
        again = await pair.provider.read(sent.received(url))
        assert again.reports[0].event_id == report.event_id
        if make.once:
            await pair.provider.send(pair.parcel())
            order = pair.fake.accepted[-1]
        other = await pair.provider.read(
            pair.fake.hook(
                order, kind, "event-2", datetime.now(UTC) - timedelta(seconds=9)
            ).received(url)
        )
        assert other.reports[0].event_id != report.event_id
        if kind is Kind.CLICKED:
            assert report.url.startswith("https://")
        if kind is Kind.REPLIED:
            assert report.text


@pytest.mark.parametrize("target", REPORTS)
async def test_a_forged_report_is_refused(
    target: tuple[type[Fake], Channel, Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, channel, kind = target
    async with connected(make(), channel, monkeypatch) as pair:
        await pair.provider.send(pair.parcel())
        (order,) = pair.fake.accepted
        url = f"{make.hook_url}/webhooks/{make.name}"
        hook = pair.fake.hook(order, kind, "event-1").received(url)
        with pytest.raises(BadSignature, match=f"SOJOURN_{make.name.upper()}_|of SNS"):
            await pair.provider.read(pair.fake.unsigned(hook))
        if make.signed:
            forged = hook.body.replace(b"1", b"2")
            assert forged != hook.body
            with pytest.raises(BadSignature):
                await pair.provider.read(dataclasses.replace(hook, body=forged))
        if make.dated:
            old = pair.fake.hook(order, kind, "event-1", datetime.now(UTC) - make.too_old)
            with pytest.raises(BadSignature):
                await pair.provider.read(old.received(url))


@pytest.mark.parametrize("make", [f for f in fakes() if not f.signed], ids=lambda f: f.name)
@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b"\xff", b"null"])
async def test_a_body_that_is_nothing_is_bad_input(
    make: type[Fake], body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(make(), make.channels[0], monkeypatch) as pair:
        await pair.provider.send(pair.parcel())
        (order,) = pair.fake.accepted
        kind = make.kinds[pair.channel][0]
        hook = pair.fake.hook(order, kind, "event-1").received()
        with pytest.raises(BadInput):
            await pair.provider.read(dataclasses.replace(hook, body=body))


@pytest.mark.parametrize(
    "url", ["api.example.com", "ftp://api.example.com", "http://x:port", "https://"]
)
@pytest.mark.parametrize(
    "make", [f for f in fakes() if f.name != "webpush"], ids=lambda fake: fake.name
)
def test_an_address_that_is_none_is_named_at_start(
    make: type[Fake], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"SOJOURN_{make.name.upper()}_BASE_URL"
    settings = make().environment()
    assert name in settings
    for one, value in (settings | {name: url}).items():
        monkeypatch.setenv(one, value)
    with pytest.raises(BadSetting, match=name):
        PROJECT.carriers.shipped[make.name](Settings())


@pytest.mark.parametrize("token", ["zażółć", "two words", "one\ntwo"])
@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("postmark", "SOJOURN_POSTMARK_TOKEN"),
        ("sendgrid", "SOJOURN_SENDGRID_API_KEY"),
        ("resend", "SOJOURN_RESEND_API_KEY"),
        ("meta", "SOJOURN_META_TOKEN"),
    ],
)
def test_a_token_that_fits_no_header_is_named_at_start_and_not_shown(
    provider: str, name: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_META_PHONE_NUMBER_ID", "15")
    monkeypatch.setenv(name, token)
    with pytest.raises(BadSetting, match=name) as raised:
        PROJECT.carriers.shipped[provider](Settings())
    assert token not in str(raised.value)


@pytest.mark.parametrize("make", fakes(), ids=lambda fake: fake.name)
def test_without_credentials_it_is_named_at_start(
    make: type[Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in make().environment():
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadSetting, match=f"SOJOURN_{make.name.upper()}_"):
        PROJECT.carriers.shipped[make.name](Settings())
