"""`sojourn export`: it says what it wrote, and where it goes on."""

import json
from pathlib import Path

from tests.support.cli_stack import Cli
from tests.support.rows import event_row, keep


async def test_an_export_goes_on_where_the_last_one_ended(offline: Cli, tmp_path: Path) -> None:
    await keep(offline.store, event_row("c1"))
    first = await offline("export", "--to", tmp_path / "out")
    assert first.code == 0, first
    assert "exported the changes 1 to " in first.out
    assert "1  events" in first.out
    await keep(offline.store, event_row("c1"))
    second = json.loads((await offline("export", "--to", tmp_path / "out", "--json")).out)
    assert second["rows"]["events"] == 1
    assert second["since"] < second["upto"]
    third = await offline("export", "--to", tmp_path / "out")
    assert "nothing has changed since" in third.out
    refused = await offline("export", "--to", tmp_path / "out", "--personal")
    assert (refused.code, "no personal columns" in refused.err) == (2, True)
    asked = await offline("export", "--to", tmp_path / "all", "--personal")
    assert "with personal columns: messages.detail, reports.detail" in asked.err
