"""A first start that a full disk has cut off leaves a home that starts again."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sojourn.cli.local.stack import DATABASE, HALF_MADE, dev_server
from sojourn.domain.errors import Unavailable


def _half_made(home: Path) -> None:
    with closing(sqlite3.connect(home / DATABASE)) as database:
        database.execute("CREATE TABLE namespaces (id BINARY(16) NOT NULL)")
        database.commit()


@pytest.mark.more
async def test_a_half_made_database_of_temporal_is_made_again_and_a_whole_one_is_kept(
    tmp_path: Path,
) -> None:
    _half_made(tmp_path)
    (tmp_path / HALF_MADE).touch()
    for _ in range(2):
        async with dev_server(tmp_path, ports=False, lasting=True) as server:
            assert await server.client.service_client.check_health()
            assert not (tmp_path / HALF_MADE).exists()
        made = (tmp_path / DATABASE).stat().st_ino
    assert (tmp_path / DATABASE).stat().st_ino == made


async def test_a_database_that_has_served_is_never_removed(tmp_path: Path) -> None:
    _half_made(tmp_path)  # without the mark it is not ours to judge
    with pytest.raises(Unavailable, match="Temporal's dev server did not start"):
        async with dev_server(tmp_path, ports=False, lasting=True):
            pass
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        assert database.execute("SELECT count(*) FROM namespaces").fetchone() == (0,)
