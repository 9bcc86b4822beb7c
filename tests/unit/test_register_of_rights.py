"""Every table says what it holds of a person, column by column, and the pages say it too."""

import pytest
from sqlmodel import SQLModel

from sojourn.store import tables
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.register import End, Find, Holding, Part
from tests.support.markdown import ROOT, code, rows, section

TABLES = {name: set(table.columns.keys()) for name, table in SQLModel.metadata.tables.items()}
HELD = {name: holding for name, holding in HOLDINGS.items() if holding.find is not Find.NOBODY}
HOW = (
    "add it to HOLDINGS in sojourn/store/rights/holdings.py and to docs/rights.md: export, erasure "
    "and retention know no other list (CONTRIBUTING.md, Change the tables)"
)


def test_every_table_is_registered() -> None:
    assert tables
    for name in sorted(TABLES):
        assert name in HOLDINGS, f"the table {name} does not say what it holds of a person: {HOW}"
    for name in HOLDINGS:
        assert name in TABLES, f"there is no table {name}: take it out of HOLDINGS"


@pytest.mark.parametrize("name", sorted(HELD))
def test_every_column_is_registered(name: str) -> None:
    for column in sorted(TABLES[name] - set(HELD[name].columns)):
        pytest.fail(
            f"the column {name}.{column} does not say what it holds: write it as customer, names, "
            f"address, personal or plain, and {HOW}"
        )
    assert set(HELD[name].columns) <= TABLES[name], "a column that is no more"


@pytest.mark.parametrize(("name", "holding"), HELD.items())
def test_the_rows_of_a_person_can_be_found(name: str, holding: Holding) -> None:
    needed = {
        Find.CUSTOMER: {c for c, part in holding.columns.items() if part is Part.CUSTOMER},
        Find.MESSAGE: {"ledger_id"} & TABLES[name],
        Find.ADDRESS: {"channel", "address"} & TABLES[name],
        Find.CALL: {"call", "source"} & TABLES[name],
    }[holding.find]
    assert needed, f"{name} has no column by which {holding.find} finds its rows"
    assert (holding.end is End.HASHED) == (holding.find is Find.ADDRESS)
    if holding.aging:
        of = TABLES["ledger"] if holding.aging.of_message else TABLES[name]
        assert holding.aging.column in of
        assert set(holding.aging.gives_up) <= TABLES[name]


def test_a_table_that_is_found_by_another_stands_before_it() -> None:
    order = list(HOLDINGS)
    for name, holding in HELD.items():
        if holding.find is Find.MESSAGE:
            assert order.index(name) < order.index("ledger"), name
    for name in ("addresses", "consents"):
        assert order.index("identify_calls") < order.index(name)


def test_the_page_shows_the_register() -> None:
    page = section(ROOT / "docs" / "rights.md", "Tables")
    shown = {code(name): (what, end) for name, what, end, *_ in rows(page)}
    assert list(shown) == list(HELD), "in the order of an export"
    for name, holding in HELD.items():
        assert shown[name] == (holding.what, holding.end.value), name
