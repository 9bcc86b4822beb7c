"""The home folder: an empty setting, and a folder that cannot be made."""

from pathlib import Path

import pytest

from sojourn.cli.local.processes import Child, python, running
from sojourn.composing import settings_of
from sojourn.domain.errors import StoreUnavailable
from sojourn.home import keep_private
from sojourn.project import Project
from sojourn.settings import Settings, load_settings, signing_key
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


def _modes(home: Path) -> dict[str, int]:
    return {
        path.name: path.stat().st_mode & 0o777 for path in (home, *home.rglob("*")) if path.exists()
    }


async def test_what_is_made_in_a_home_is_its_owners_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url="")
    async with await Store.open(settings.store_url) as store:
        signing_key(settings)
        async with store.engine.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM events")
        child = Child("a child", python("-c", ""), settings.home / "child.log")
        async with running(child):
            await child.wait()
        modes = _modes(settings.home)
    assert {"sojourn.db", "sojourn.db-wal", "secret_key", "child.log"} <= modes.keys()
    assert modes.pop("home") == 0o700
    assert set(modes.values()) == {0o600}


def test_a_home_that_was_open_to_all_is_closed_when_the_settings_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    names = ("sojourn.db", "sojourn.db-wal", "temporal.db", "worker.log", "write_key", "stack.json")
    (home / "outbox").mkdir(parents=True)
    for name in (*names, "outbox/1.html"):
        (home / name).touch()
        (home / name).chmod(0o644)
    home.chmod(0o755)
    monkeypatch.setenv("SOJOURN_HOME", str(home))
    settings_of(Project())
    modes = _modes(home)
    assert (modes.pop("home"), modes.pop("outbox")) == (0o700, 0o700)
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("why", ["shared", "project"])
def test_a_folder_that_is_not_ours_alone_stays_open(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sojourn.db").touch()
    (tmp_path / "theirs.txt").touch()
    (tmp_path / "sojourn.db").chmod(0o644)
    (tmp_path / "theirs.txt").chmod(0o644)
    tmp_path.chmod(0o1777 if why == "shared" else 0o755)
    if why == "project":
        monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_mode
    keep_private(tmp_path)
    assert tmp_path.stat().st_mode == before
    assert _modes(tmp_path)["sojourn.db"] == 0o600
    assert _modes(tmp_path)["theirs.txt"] == 0o644


async def test_a_database_elsewhere_is_private_and_its_folder_stays(tmp_path: Path) -> None:
    before = _modes(tmp_path)[tmp_path.name]
    await (await Store.open(f"sqlite:///{tmp_path}/mine.db")).close()
    assert _modes(tmp_path)["mine.db"] == 0o600
    assert _modes(tmp_path)[tmp_path.name] == before
