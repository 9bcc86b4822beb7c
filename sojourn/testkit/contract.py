"""The contract of providers: the tests that every provider must pass against its fake.

A test module subclasses it::

    class TestPigeon(ProviderContract):
        provider = Pigeon
        fake = FakePigeon

pytest then runs every test of the contract, for each channel, refusal and report of the fake. The
tests are asynchronous and need ``asyncio_mode = "auto"``.
"""

import dataclasses
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from sojourn.channels.fence import Fence
from sojourn.channels.provider import SupportsBatch, SupportsLookup, SupportsWebhooks
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    BadInput,
    BadSetting,
    BadSignature,
    FenceClosed,
    ProviderError,
    RateLimited,
    TransientError,
    UnsupportedAddress,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.settings import Settings
from sojourn.testkit.batch_contract import BatchContract
from sojourn.testkit.fakes import RETRY_AFTER, Behaviour, Fake
from sojourn.testkit.fakes.behaviour import ACCEPTING
from sojourn.testkit.pairs import Pair, configured, connected

NOWHERE = "http://127.0.0.1:9"
"""An address at which nothing listens."""


class ProviderContract(BatchContract):
    """The tests of a provider; set `provider` and `fake` in a subclass."""

    provider: ClassVar[Callable[[Settings], Any]]
    """The class of the provider."""
    fake: ClassVar[type[Fake]]
    """The class of its fake."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Repeat tests for each channel, refusal and report of the fake."""
        fake = self.fake
        wanted: dict[str, list[Any]] = {
            "channel": list(fake.channels),
            "refusal": list(fake().refusals()),
            "kind": [(c, kind) for c in fake.channels for kind in fake.kinds.get(c, ())],
        }
        if "kind" in metafunc.fixturenames:
            pairs = wanted["kind"]
            metafunc.parametrize(("channel", "kind"), pairs, ids=[f"{c}-{k}" for c, k in pairs])
            return
        for name in ("channel", "refusal"):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, wanted[name], ids=str)

    @pytest.fixture
    async def pair(self, channel: Channel) -> AsyncIterator[Pair[Any, Fake]]:
        """Connect the provider to its fake."""
        async with connected(type(self).provider, self.fake(), channel) as pair:
            yield pair

    # ---- the class -------------------------------------------------------------------------

    async def test_provider_and_fake_agree_on_name_and_channels(
        self, pair: Pair[Any, Fake]
    ) -> None:
        assert pair.provider.name == pair.fake.name
        assert pair.provider.channels == set(pair.fake.channels)

    async def test_provider_has_whole_protocols(self, pair: Pair[Any, Fake]) -> None:
        provider = pair.provider
        assert isinstance(provider, SupportsBatch) == hasattr(provider, "send_many")
        assert isinstance(provider, SupportsBatch) == hasattr(provider, "batch_of")
        assert isinstance(provider, SupportsLookup) == hasattr(provider, "find")
        assert isinstance(provider, SupportsLookup) == hasattr(provider, "looks_up_after")
        assert isinstance(provider, SupportsWebhooks) == any(pair.fake.kinds.values())

    def test_missing_credentials_are_named_at_start(self) -> None:
        names = self.fake().environment()
        with pytest.MonkeyPatch.context() as patched:
            for name in names:
                patched.delenv(name, raising=False)
            with pytest.raises(BadSetting) as raised:
                type(self).provider(Settings())
        assert any(name in str(raised.value) for name in names)

    @pytest.mark.parametrize(
        "url", ["api.example.com", "ftp://api.example.com", "http://x:port", "https://"]
    )
    def test_bad_url_is_named_at_start(self, url: str) -> None:
        environment = self.fake().environment()
        names = [name for name in environment if name.endswith("_URL")]
        if not names:
            pytest.skip("its settings hold no URL")
        for name in names:
            with pytest.raises(BadSetting, match=name):
                configured(type(self).provider, {**environment, name: url})

    # ---- sending ---------------------------------------------------------------------------

    async def test_accepted_message_has_our_reference(self, pair: Pair[Any, Fake]) -> None:
        parcel = pair.parcel()
        provider_id = await pair.provider.send(parcel)
        (order,) = pair.fake.accepted
        assert provider_id == order.id
        assert order.reference == parcel.reference
        assert order.channel is pair.channel
        said = parcel.content.text or parcel.content.body
        assert said.strip() in order.text

    async def test_connections_are_kept(self, pair: Pair[Any, Fake]) -> None:
        for _ in range(3):
            await pair.provider.send(pair.parcel())
        assert len(pair.fake.accepted) == 3
        assert len(pair.fake.lines) == 1

    async def test_rate_limit_is_told_with_the_time_to_wait(self, pair: Pair[Any, Fake]) -> None:
        pair.fake.script.append(Behaviour.RATE_LIMIT)
        with pytest.raises(RateLimited) as raised:
            await pair.provider.send(pair.parcel())
        assert raised.value.retry_after is not None
        assert abs(raised.value.retry_after - RETRY_AFTER) <= timedelta(seconds=1)
        assert pair.fake.accepted == []

    @pytest.mark.parametrize(
        "how",
        [
            Behaviour.FAIL_BEFORE,
            Behaviour.FAIL_AFTER,
            Behaviour.DROP_BEFORE,
            Behaviour.DROP_AFTER,
        ],
    )
    async def test_request_that_breaks_is_in_doubt(
        self, pair: Pair[Any, Fake], how: Behaviour
    ) -> None:
        pair.fake.script.append(how)
        with pytest.raises(AmbiguousSend):
            await pair.provider.send(pair.parcel())
        assert len(pair.fake.accepted) == (how in ACCEPTING)

    async def test_message_without_an_answer_in_time_is_in_doubt(self, channel: Channel) -> None:
        made = connected(type(self).provider, self.fake(), channel, timeout_seconds=0.2)
        async with made as pair:
            pair.fake.script.append(Behaviour.HANG)
            with pytest.raises(AmbiguousSend):
                await pair.provider.send(pair.parcel())
            assert len(pair.fake.accepted) == 1

    async def test_message_without_a_connection_was_not_sent(self, pair: Pair[Any, Fake]) -> None:
        environment = {
            name: value.replace(pair.fake.url, NOWHERE)
            for name, value in pair.fake.environment().items()
        }
        away = configured(type(self).provider, environment)
        parcel = pair.parcel()
        address = parcel.address.replace(pair.fake.url, NOWHERE)
        try:
            with pytest.raises(TransientError):
                await away.send(dataclasses.replace(parcel, address=address))
        finally:
            await away.close()

    async def test_nothing_leaves_after_the_fence_has_closed(self, pair: Pair[Any, Fake]) -> None:
        if not pair.provider.abilities.fenced:
            pytest.skip("its messages leave by a client that does not ask the fence")
        closed = Fence()
        closed.shut()
        with closed.around(), pytest.raises(FenceClosed):
            await pair.provider.send(pair.parcel())
        assert not closed.crossed
        assert pair.fake.accepted == []
        in_time = Fence()
        with in_time.around():
            await pair.provider.send(pair.parcel())
        assert in_time.crossed
        assert len(pair.fake.accepted) == 1

    async def test_refused_credentials_are_the_account_s_fault(self, pair: Pair[Any, Fake]) -> None:
        pair.fake.authorized = False
        with pytest.raises(AccountError):
            await pair.provider.send(pair.parcel())
        assert pair.fake.accepted == []

    async def test_each_refusal_is_the_error_that_the_documentation_means(
        self, refusal: str
    ) -> None:
        async with connected(type(self).provider, self.fake()) as pair:
            expected = pair.fake.refusals()[refusal].error
            pair.fake.script.append(refusal)
            with pytest.raises(ProviderError) as raised:
                await pair.provider.send(pair.parcel())
            assert type(raised.value) is expected
            assert str(raised.value)

    async def test_e_mail_to_a_domain_outside_ascii_is_written_in_ascii(
        self, pair: Pair[Any, Fake]
    ) -> None:
        if pair.channel is not Channel.EMAIL:
            pytest.skip("its addresses are no e-mail addresses")
        await pair.provider.send(dataclasses.replace(pair.parcel(), address="ada@bücher.example"))
        assert pair.fake.accepted[0].address == "ada@xn--bcher-kva.example"

    async def test_e_mail_to_a_mailbox_outside_ascii_is_refused_or_sent(
        self, pair: Pair[Any, Fake]
    ) -> None:
        if pair.channel is not Channel.EMAIL:
            pytest.skip("its addresses are no e-mail addresses")
        try:
            await pair.provider.send(
                dataclasses.replace(pair.parcel(), address="józef@shop.example")
            )
        except UnsupportedAddress:
            assert pair.fake.asked == 0
        else:
            assert pair.fake.accepted[0].address == "józef@shop.example"

    async def test_an_address_where_nothing_lives_is_a_fault_of_the_settings(
        self, pair: Pair[Any, Fake]
    ) -> None:
        parcel = pair.parcel()
        if pair.fake.url in parcel.address:
            pytest.skip("the address of a message names the provider's address")
        environment = {
            name: f"{value}/nothing-lives-here" if value == pair.fake.url else value
            for name, value in pair.fake.environment().items()
        }
        astray = configured(type(self).provider, environment)
        try:
            with pytest.raises(AccountError):
                await astray.send(parcel)
        finally:
            await astray.close()
        assert pair.fake.accepted == []

    async def test_repeated_parcel_is_delivered_once_within_its_promise(
        self, pair: Pair[Any, Fake]
    ) -> None:
        if not pair.provider.abilities.idempotent_for:
            pytest.skip("the provider takes no idempotency key")
        parcel = pair.parcel()
        pair.fake.script.append(Behaviour.FAIL_AFTER)
        with pytest.raises(AmbiguousSend):
            await pair.provider.send(parcel)
        assert await pair.provider.send(parcel) == pair.fake.accepted[0].id
        assert len(pair.fake.accepted) == 1

    async def test_look_up_tells_accepted_messages_from_lost_ones(
        self, pair: Pair[Any, Fake]
    ) -> None:
        if not hasattr(pair.provider, "find"):
            pytest.skip("the provider has no look-up")
        since = datetime.now(UTC)
        taken, lost, other = pair.parcel(), pair.parcel(), pair.parcel()
        await pair.provider.send(other)
        pair.fake.script += [Behaviour.DROP_AFTER, Behaviour.DROP_BEFORE]
        for parcel in (taken, lost):
            with pytest.raises(AmbiguousSend):
                await pair.provider.send(parcel)
        assert await pair.provider.find(taken, since) == pair.fake.accepted[1].id
        assert await pair.provider.find(lost, since) is None

    async def test_probe_sends_no_message(self, pair: Pair[Any, Fake]) -> None:
        await pair.provider.probe()
        assert pair.fake.accepted == []
        if pair.fake.probed:
            pair.fake.authorized = False
            with pytest.raises(AccountError):
                await pair.provider.probe()

    # ---- webhooks --------------------------------------------------------------------------

    async def test_each_report_is_read(self, pair: Pair[Any, Fake], kind: Kind) -> None:
        parcel = pair.parcel()
        await pair.provider.send(parcel)
        (order,) = pair.fake.accepted
        report = await pair.read(kind)
        assert report.kind is kind
        assert report.channel is pair.channel
        assert report.hard == (kind in pair.fake.hard)
        assert (
            report.reference == parcel.reference
            or report.provider_id == order.id
            or (kind in (Kind.REPLIED, Kind.UNSUBSCRIBED) and report.address == parcel.address)
        )
        # another id would look like a second message
        assert report.provider_id in {"", order.id} or kind is Kind.REPLIED
        assert abs(datetime.now(UTC) - report.at) < timedelta(seconds=5)
        assert kind is not Kind.CLICKED or report.url.startswith("https://")
        assert kind is not Kind.REPLIED or report.text

    async def test_report_has_the_same_id_each_time_and_no_other_has_it(
        self, pair: Pair[Any, Fake], kind: Kind
    ) -> None:
        await pair.provider.send(pair.parcel())
        url, order = pair.hook_url, pair.fake.accepted[-1]
        sent = pair.fake.hook(order, kind, "event-1").received(url)
        first, again = [(await pair.provider.read(sent)).reports[0] for _ in range(2)]
        assert first.event_id == again.event_id != ""
        if pair.fake.once:
            await pair.provider.send(pair.parcel())
        earlier = datetime.now(UTC) - timedelta(seconds=9)
        next_sent = pair.fake.hook(pair.fake.accepted[-1], kind, "event-2", earlier).received(url)
        other = (await pair.provider.read(next_sent)).reports[0]
        assert other.event_id != first.event_id

    async def test_forged_report_is_refused(self, pair: Pair[Any, Fake], kind: Kind) -> None:
        await pair.provider.send(pair.parcel())
        (order,) = pair.fake.accepted
        hook = pair.fake.hook(order, kind, "event-1").received(pair.hook_url)
        with pytest.raises(BadSignature) as raised:
            await pair.provider.read(pair.fake.unsigned(hook))
        signers = [pair.fake.signer] if pair.fake.signer else pair.fake.environment()
        assert any(name in str(raised.value) for name in signers), "the text names the secret"
        if pair.fake.signed:
            forged = hook.body.replace(b"1", b"2")
            assert forged != hook.body
            with pytest.raises(BadSignature):
                await pair.provider.read(dataclasses.replace(hook, body=forged))

    async def test_replayed_report_is_refused(self, pair: Pair[Any, Fake]) -> None:
        if not pair.fake.dated:
            pytest.skip("the provider signs no moment")
        await pair.provider.send(pair.parcel())
        (order,) = pair.fake.accepted
        kind = pair.fake.kinds[pair.channel][0]
        then = datetime.now(UTC) - pair.fake.too_old
        old = pair.fake.hook(order, kind, "event-1", then)
        with pytest.raises(BadSignature):
            await pair.provider.read(old.received(pair.hook_url))

    async def test_body_without_meaning_is_bad_input(self, pair: Pair[Any, Fake]) -> None:
        if pair.fake.signed or not any(pair.fake.kinds.values()):
            pytest.skip("nobody can put another body under its signature")
        await pair.provider.send(pair.parcel())
        (order,) = pair.fake.accepted
        kind = pair.fake.kinds[pair.channel][0]
        hook = pair.fake.hook(order, kind, "event-1").received()
        for body in (b"", b"nonsense", b"[]", b"\xff", b"null"):
            with pytest.raises(BadInput):
                await pair.provider.read(dataclasses.replace(hook, body=body))
