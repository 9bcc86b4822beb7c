"""`sojourn customer`: everything that is held of a person is told, kept back, or erased."""

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.support.cli_stack import Cli


async def test_everything_held_is_written_as_json(offline: Cli) -> None:
    ada = await offline.identify(first_name="Zoë")
    await offline.decided(ada, {"text": "hello"}, at=datetime(2024, 1, 8, tzinfo=UTC))
    answer = await offline("customer", "export", ada)
    assert answer.code == 0
    assert answer.json["held"]["customers"][0]["first_name"] == "Zoë"
    assert answer.json["held"]["contents"][0]["content"] == {"text": "hello"}


async def test_a_file_is_for_its_owner_alone_and_is_whole_or_not_there(
    offline: Cli, tmp_path: Path
) -> None:
    ada = await offline.identify()
    file, half = tmp_path / "ada.json", tmp_path / "ada.json.part"
    answer = await offline("customer", "export", "nobody", "--to", file)
    assert answer.code == 2
    assert answer.fault.startswith('no customer "nobody"')
    assert not file.exists()
    assert not half.exists()
    answer = await offline("customer", "export", ada, "--to", file)
    assert (answer.code, answer.out) == (0, f"{file}: everything that is held of {ada}\n")
    assert json.loads(file.read_text())["customer_id"] == ada
    assert file.stat().st_mode & 0o777 == 0o600
    answer = await offline("customer", "export", ada, "--to", tmp_path / "nowhere" / "ada.json")
    assert answer.code == 1
    assert "cannot write" in answer.fault
