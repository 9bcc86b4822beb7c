"""The tests that README.md and docs/testing.md show are run here, and so are the examples."""

import runpy

import pytest

from sojourn.cli.local.stack import Server
from sojourn.settings import Settings
from sojourn.store import Store, cards
from tests.support.markdown import ROOT, blocks

for _page in (ROOT / "README.md", ROOT / "docs" / "testing.md"):
    for _block in blocks(_page):
        if _block.language == "python" and not _block.file:
            _source = "\n" * (_block.line - 1) + _block.code  # so that a failure names its line
            exec(compile(_source, _page, "exec"), globals())


def test_the_pages_hold_tests() -> None:
    assert sum(name.startswith("test_") for name in globals()) >= 9


async def test_the_service_example(
    temporal: Server,
    journey_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal.address)
    monkeypatch.setenv("SOJOURN_DATABASE_URL", journey_settings.database_url)
    await runpy.run_path(str(ROOT / "examples" / "service.py"))["main"]()
    assert capsys.readouterr().out == "Product Added reached abandoned-cart:c42:cart7\n"
    await temporal.client.get_workflow_handle("abandoned-cart:c42:cart7").terminate()
    store = await Store.open(journey_settings.store_url)
    async with store.reading() as session:
        ada = await cards.find(session, "c42")
    await store.close()
    assert ada is not None
    assert ada.timezone == "Europe/Rome"
