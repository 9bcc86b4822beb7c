"""`sojourn dev --fake-providers` runs fakes in a process, with a page and reports."""

import asyncio
import random
import re
import socket
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sojourn.channels.provider import Hook
from sojourn.channels.twilio import Twilio
from sojourn.cli.local.fakes import Fakes, Wish, fake_providers, read_wish
from sojourn.cli.local.processes import HOST, Child
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from sojourn.testkit.fakes import TROUBLE, Behaviour
from sojourn.testkit.fakes.__main__ import failing
from sojourn.testkit.fakes.postmark import FakePostmark
from sojourn.testkit.fakes.server import answering
from sojourn.testkit.fakes.twilio import FakeTwilio
from tests.support.cli_stack import Cli
from tests.support.dev_command import dev_command
from tests.support.project import PROJECT

NOBODY = "http://127.0.0.1:9"


async def shown(fakes: Fakes) -> str:
    async with httpx.AsyncClient() as http:
        return (await http.get(fakes.url)).text


async def test_the_environment_leads_to_the_chosen_fakes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = read_wish(["email=resend,sms=vonage"], fail=0)
    async with fake_providers(tmp_path, wish, hooks_to=NOBODY, public_url=NOBODY) as fakes:
        for name, value in fakes.environment.items():
            monkeypatch.setenv(name, value)
        carriers = PROJECT.carriers.chosen(Settings())
        names = {channel.value: carrier.name for channel, carrier in carriers.items()}
        assert names == {"email": "resend", "sms": "vonage", "whatsapp": "meta", "push": "fcm"}
        assert "Nothing was accepted yet" in await shown(fakes)
        email = FakePostmark().parcel(Channel.EMAIL, "abandoned-cart:c1/e/1-reminder/email")
        await carriers[Channel.EMAIL].send(email)
        await carriers[Channel.SMS].send(FakePostmark().parcel(Channel.SMS, "x/1-<nudge>/sms"))
        page = await shown(fakes)
        for carrier in carriers.values():
            await carrier.close()
    assert page.index("+393331234567") < page.index("anna@shop.example"), "newest first"
    assert re.search(r"resend</td>.*email</td>.*Your cart is as you left it", page, re.DOTALL)


async def test_the_page_escapes_the_text_of_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fake_providers(tmp_path, Wish(), hooks_to=NOBODY, public_url=NOBODY) as fakes:
        token = fakes.environment["SOJOURN_POSTMARK_TOKEN"]
        headers = {"X-Postmark-Server-Token": token, "Accept": "application/json"}
        email = {
            "From": "x", "To": "<i>@x", "Subject": "x", "HtmlBody": "x", "MessageStream": "x",
            "TextBody": f"<script>alert(1)</script> {'word ' * 30}", "Metadata": {"reference": "r"},
        }  # fmt: skip
        url = fakes.environment["SOJOURN_POSTMARK_BASE_URL"]
        async with httpx.AsyncClient(base_url=url, headers=headers) as http:
            assert (await http.post("/email", json=email)).status_code == 200
        page = await shown(fakes)
    assert page.count("&lt;script&gt;alert(1)") == 2, "once folded, once unfolded"
    assert "&lt;i&gt;@x" in page
    assert "<script" not in page
    assert "<i>" not in page


async def test_a_fake_signs_its_reports_for_the_public_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public_url = "https://sojourn.example/here"
    came: asyncio.Queue[Hook] = asyncio.Queue()

    async def take(request: Request) -> Response:
        url = f"{public_url}/webhooks/twilio?{request.url.query}"
        now, body = datetime.now(UTC), await request.body()
        await came.put(Hook(request.method, url, dict(request.headers), body, now))
        return Response()

    gateway = Starlette(routes=[Route("/webhooks/twilio", take, methods=["POST"])])
    sock = socket.create_server((HOST, 0))
    wish = read_wish(["whatsapp=twilio"], fail=0)
    async with (
        answering(gateway, sock),
        fake_providers(
            tmp_path,
            wish,
            hooks_to=f"http://{HOST}:{sock.getsockname()[1]}",
            public_url=public_url,
        ) as fakes,
    ):
        for name, value in fakes.environment.items():
            monkeypatch.setenv(name, value)
        twilio = Twilio(Settings(public_url=public_url))
        parcel = FakeTwilio().parcel(Channel.SMS, "abandoned-cart:c1/e/1-nudge/sms")
        await twilio.send(parcel)
        (told,) = (await twilio.read(await came.get())).reports
        assert (told.kind, told.reference) == (Kind.DELIVERED, parcel.reference)
        for number in range(1, 4):
            whatsapp = f"abandoned-cart:c1/e/{number}-nudge/whatsapp"
            await twilio.send(FakeTwilio().parcel(Channel.WHATSAPP, whatsapp))
        kinds = [(await twilio.read(await came.get())).reports[0].kind for _ in range(4)]
        await twilio.close()
    assert sorted(kinds) == [Kind.DELIVERED, Kind.DELIVERED, Kind.DELIVERED, Kind.READ]


def test_the_wanted_share_of_calls_fails_in_every_way() -> None:
    choose = failing(20, random.Random(1))
    seen = Counter(choose() for _ in range(5000))
    assert set(seen) == {Behaviour.ACCEPT, *TROUBLE}
    assert 0.17 < 1 - seen[Behaviour.ACCEPT] / 5000 < 0.23
    assert {failing(0, random.Random(1))() for _ in range(1000)} == {Behaviour.ACCEPT}
    assert Behaviour.ACCEPT not in {failing(100, random.Random(1))() for _ in range(1000)}


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["--fail", 20], "providers and --fail are for --fake-providers: add it"),
        (["email=resend"], "providers and --fail are for --fake-providers: add it"),
        (
            ["--fake-providers", "mail=resend"],
            '--fake-providers "mail=resend": write channels as email=resend,sms=vonage',
        ),
        (
            ["--fake-providers", "sms=fcm"],
            "--fake-providers sms=fcm: fakes of sms are twilio, vonage",
        ),
        (
            ["--fake-providers", "push=outbox"],
            "--fake-providers push=outbox: fakes of push are fcm, webpush",
        ),
    ],
)
async def test_a_bad_choice_of_fakes_is_refused_in_one_line(
    offline: Cli, arguments: list[object], fault: str
) -> None:
    answer = await offline("dev", *arguments)
    assert (answer.code, answer.fault) == (2, fault)


def family(child: Child) -> list[psutil.Process]:
    return psutil.Process(child.pid).children(recursive=True)


@pytest.mark.long
async def test_the_dev_command_delivers_by_the_fakes_and_leaves_no_process_behind(
    tmp_path: Path,
) -> None:
    async with dev_command(tmp_path, "--fake-providers", "sms=vonage") as (child, noted):
        who = f"c-{uuid4().hex[:8]}"
        auth = ((tmp_path / "write_key").read_text(), "")
        async with httpx.AsyncClient(base_url=noted["gateway"], auth=auth, timeout=30) as http:
            card = {"userId": who, "messageId": f"i-{who}", "traits": {"email": f"{who}@x.example"}}
            call = {"userId": who, "messageId": f"s-{who}", "event": "Signed Up"}
            for path, body in (("/v1/identify", card), ("/v1/track", call)):
                assert (await http.post(path, json=body)).json() == {"success": True}
        async with await Store.open(Settings(home=tmp_path, database_url="").store_url) as store:
            deadline = asyncio.get_running_loop().time() + 60
            while (found := await _welcome(store, who)) != ("sent", "postmark", "clicked"):
                assert asyncio.get_running_loop().time() < deadline, found
                await asyncio.sleep(0.05)
        assert f"providers     {noted['fakes']} shows" in child.log.read_text()
        async with httpx.AsyncClient() as http:
            assert f"{who}@x.example" in (await http.get(noted["fakes"])).text

        started = family(child)
        assert any("sojourn.testkit.fakes" in one.cmdline() for one in started)
        psutil.Process(child.pid).kill()
        await child.wait()
        _, alive = await asyncio.to_thread(psutil.wait_procs, started, timeout=45)
        assert alive == []


@pytest.mark.long
async def test_the_dev_command_fails_when_the_fakes_have_ended(tmp_path: Path) -> None:
    async with dev_command(tmp_path, "--fake-providers", "sms=vonage") as (child, _):
        for one in family(child):
            if (
                "sojourn.testkit.fakes" in one.cmdline()
                and "sojourn.cli.local.leash" not in one.cmdline()
            ):
                one.kill()
        assert await child.wait() == 1
        assert "the fake providers ended: " in child.log.read_text()


async def _welcome(store: Store, who: str) -> tuple[str, str | None, str | None] | None:
    async with store.reading() as session:
        rows = await ledger.of_customer(session, who)
    return next(((row.state, row.provider, row.progress) for row in rows), None)
