"""The signing key that is made once in the home folder."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sojourn.domain.errors import BadSetting
from sojourn.settings import Settings, signing_key


def test_processes_that_begin_together_agree_on_the_secret_key(tmp_path: Path) -> None:
    for number in range(30):
        home = Settings(home=tmp_path / str(number))
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(lambda _, home=home: signing_key(home), range(8)))
        assert len(found) == 1
        assert all(found)
        assert [path.name for path in home.home.iterdir()] == ["secret_key"]
        assert (home.home / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_secret_keys_folder_that_cannot_be_made_is_an_error_with_a_way_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BadSetting, match="SOJOURN_SECRET_KEY"):
        signing_key(Settings(home=tmp_path / "file" / "home"))
