"""A folder of Parquet: a folder a stream, a file a batch, and `export.json`, which says how far.

A file has its name once it is whole. `export.json` is written last: files of later numbers than it
names are of an export that was killed, and the next one takes them away and begins there.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sojourn.domain.errors import BadInput, Unavailable
from sojourn.home import private_file, private_folder
from sojourn.insight.exporting.duck import quoted, staged
from sojourn.insight.exporting.reading import Batch
from sojourn.insight.exporting.schema import STREAMS
from sojourn.insight.exporting.target import Standing, duckdb

SAYS = "export.json"
FORMAT = "sojourn-export"
DIGITS = 16


class ParquetFolder:
    """Files of Parquet, which are added to and never changed, unless somebody was erased.

    Args:
        folder: may be a new one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: int | None = None
        self._connection: Any = None
        self._seq = 0

    async def open(self) -> Standing | None:
        """Return how far it is filled; None: nothing is in it.

        Raises:
            BadInput: something else is in the folder.
            Unavailable: DuckDB is not installed, the folder cannot be made, or another export
                fills it.
        """
        module = duckdb()
        try:
            private_folder(self.folder)
            self._lock = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise Unavailable(f"cannot use the folder {self.folder}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(f"another export fills {self.folder}: wait for its end") from None
        self._connection = module.connect()
        says = self.folder / SAYS
        if not says.exists():
            self._check_empty()
            return None
        try:
            told = json.loads(says.read_text())
            if told.pop("format") != FORMAT:
                raise ValueError
            return Standing(**told)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise BadInput(f"{says} is not of an export: name another folder") from None

    def _check_empty(self) -> None:
        """See to it that the folder is empty, but for what a killed export left."""
        others = [one.name for one in self.folder.iterdir() if one.name not in STREAMS]
        others = [name for name in others if not name.endswith(".part")]
        if others:
            raise BadInput(f"{self.folder} holds {min(others)} and no {SAYS}: name an empty folder")

    async def begin(self, standing: Standing) -> int:
        """Make the folders, and take away the files that have something after a number.

        Returns:
            The number after which to begin: the one before the first file that was taken away.
        """
        begin = standing.seq
        unfinished: list[Path] = []
        for part in self.folder.glob("**/*.part"):
            part.unlink()
        for name in STREAMS:
            folder = self.folder / name
            private_folder(folder)
            for file in folder.glob("*.parquet"):
                first, _, last = file.stem.partition("-")
                if int(last) > standing.seq:
                    begin = min(begin, int(first) - 1)
                    unfinished.append(file)
        self._seq = begin
        self._say(replace(standing, seq=begin))
        for file in unfinished:
            file.unlink()
        return begin

    async def write(self, batch: Batch, standing: Standing) -> None:
        """Write a file a stream, forget what is to be forgotten, and say how far it is."""
        await asyncio.to_thread(self._write, batch, standing)

    def _write(self, batch: Batch, standing: Standing) -> None:
        name = f"{self._seq + 1:0{DIGITS}}-{batch.upto:0{DIGITS}}.parquet"
        for stream, forget in batch.forget.items():
            self._forget(stream, forget)
        for stream, rows in batch.rows.items():
            columns = STREAMS[stream].shown(personal=standing.personal)
            with staged(rows, columns) as found:
                self._copy(f"SELECT * FROM {found} ORDER BY seq", self.folder / stream / name)
        self._say(standing)
        self._seq = batch.upto

    def _forget(self, stream: str, numbers: Collection[int]) -> None:
        """Take older states of rows out of the files: they name somebody who was erased."""
        files = sorted((self.folder / stream).glob("*.parquet"))
        if not files:
            return
        run = self._connection.execute
        run("CREATE OR REPLACE TEMP TABLE forget AS SELECT unnest(?) AS id", [sorted(numbers)])
        listed = ", ".join(quoted(file) for file in files)
        found = run(
            f"SELECT DISTINCT filename FROM read_parquet([{listed}], filename = true,"
            " union_by_name = true) WHERE id IN (SELECT id FROM forget)"
        ).fetchall()
        for (file,) in found:
            self._copy(
                f"SELECT * FROM read_parquet({quoted(file)})"
                " WHERE id NOT IN (SELECT id FROM forget)",
                Path(file),
            )

    def _copy(self, query: str, file: Path) -> None:
        """Write a file that appears whole, or not at all."""
        part = file.with_name(f"{file.name}.part")
        self._connection.execute(
            f"COPY ({query}) TO {quoted(part)}"
            " (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
        )
        _settle(part, file)

    def _say(self, standing: Standing) -> None:
        part = self.folder / f"{SAYS}.part"
        part.write_text(json.dumps({"format": FORMAT, **asdict(standing)}) + "\n")
        _settle(part, self.folder / SAYS)

    async def close(self) -> None:
        """Let go of the folder."""
        if self._connection is not None:
            self._connection.close()
        if self._lock is not None:
            os.close(self._lock)


def _settle(part: Path, file: Path) -> None:
    """Give a whole file its name, once it is on the disk."""
    private_file(part)
    with part.open("rb") as whole:
        os.fsync(whole.fileno())
    part.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
