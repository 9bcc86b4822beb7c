"""The home folder: an empty setting, and a folder that cannot be made."""

from pathlib import Path

import pytest

from sojourn.domain.errors import StoreUnavailable
from sojourn.settings import Settings, load_settings
from sojourn.store import Store


def test_an_empty_home_setting_means_the_default_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOJOURN_HOME", "")
    assert load_settings().home == Path(".sojourn")


async def test_a_home_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(home=tmp_path / "file" / "home", database_url="")
    with pytest.raises(StoreUnavailable, match="set SOJOURN_HOME to a folder of yours"):
        await Store.open(settings.store_url)
