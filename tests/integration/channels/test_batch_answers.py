"""Answers to batches in the form of the providers' documentation, and what each message gets.

`tests/support/payloads/answers` has a file a provider; each answer names the page that it is from.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.channels.provider import SupportsBatch
from sojourn.domain.errors import ProviderError
from sojourn.domain.messages import Channel
from sojourn.testkit.fakes import Fake
from sojourn.testkit.fakes.registry import fakes
from sojourn.testkit.pairs import connected
from tests.support.project import PROJECT

FOLDER = Path(__file__).parents[2] / "support" / "payloads" / "answers"


def answering(fake: type[Fake], payload: dict[str, Any]) -> Fake:
    """Return a server that answers all with one answer."""

    async def answer(request: Request) -> Response:
        await request.body()
        return JSONResponse(payload["body"], payload["status"])

    class Answering(fake):  # type: ignore[valid-type, misc]
        @property
        def application(self) -> Starlette:
            return Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])

    made: Fake = Answering()
    return made


def payloads() -> list[Any]:
    return [
        pytest.param(path.stem, payload, id=f"{path.stem}-{number}")
        for path in sorted(FOLDER.glob("*.json"))
        for number, payload in enumerate(json.loads(path.read_text()), 1)
    ]


@pytest.mark.parametrize(("name", "payload"), payloads())
async def test_a_documented_answer_has_its_meaning(name: str, payload: dict[str, Any]) -> None:
    assert payload["source"].startswith("https://")
    fake = {one.name: one for one in fakes()}[name]
    wanted = payload["means"]
    made = connected(PROJECT.carriers.shipped[name], answering(fake, payload), Channel.EMAIL)
    async with made as pair:
        provider: object = pair.provider
        assert isinstance(provider, SupportsBatch)
        parcels = [pair.parcel() for _ in range(2 if isinstance(wanted, str) else len(wanted))]
        if isinstance(wanted, str):
            with pytest.raises(ProviderError) as raised:
                await provider.send_many(parcels)
            assert type(raised.value).__name__ == wanted
            return
        answers = await provider.send_many(parcels)
        assert [
            said if isinstance(said, str) else type(said).__name__ for said in answers
        ] == wanted


def test_every_provider_with_a_batch_has_documented_answers() -> None:
    batches = {name for name, cls in PROJECT.carriers.shipped.items() if hasattr(cls, "send_many")}
    assert batches - {"outbox"} == {path.stem for path in FOLDER.glob("*.json")}
