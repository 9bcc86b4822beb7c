"""docs/export.md has every stream and every column of an export, and the files have no other."""

import re

from sojourn.insight.exporting.schema import KEY, STREAMS, VERSION
from tests.support.markdown import ROOT, code, rows, section

PAGE = ROOT / "docs" / "export.md"


def test_the_page_has_the_streams_in_their_order() -> None:
    streams = section(PAGE, "Streams")
    assert re.findall(r"^### (\w+)$", streams, re.MULTILINE) == list(STREAMS)
    for column in KEY:
        assert f"`{column.name}`" in streams.partition("###")[0]
    assert f"which is {VERSION}." in streams


def test_the_page_has_the_columns_of_each() -> None:
    parts = re.split(r"^### (\w+)$", section(PAGE, "Streams"), flags=re.MULTILINE)[1:]
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        shown = [
            (code(column), type_, what.startswith("personal:"))
            for column, type_, what in rows(text)
        ]
        columns = STREAMS[name].columns
        assert shown == [(one.name, one.type.value, one.personal) for one in columns], name
