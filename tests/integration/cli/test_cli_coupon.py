"""`sojourn coupon`: what is left of the pools, and who has a code."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sojourn.cli.couponing import PLAYED, fill
from sojourn.domain.links import CODE_ALPHABET
from sojourn.store import coupon_stock, coupons
from sojourn.store.coupons import Wanted
from sojourn.store.tables import CouponUseRow
from tests.support.cli_stack import Cli
from tests.support.greeting import Greeting
from workflows.abandoned_cart import AbandonedCart

NOW = datetime.now(UTC)


def column(file: str | Path, name: str) -> list[str]:
    with Path(file).open() as rows:
        return [row[name] for row in csv.DictReader(rows)]


async def given(cli: Cli, message_id: str, customer_id: str, *, days: int = 14) -> str:
    wanted = {message_id: Wanted(customer_id, NOW + timedelta(days=days))}
    async with cli.store.transaction() as session:
        found = await coupons.reserve_many(session, "spring", wanted, now=NOW)
    return found[message_id]


async def pool(cli: Cli, name: str = "spring") -> dict[str, object]:
    found = (await cli("coupon", "list", "--json")).json["pools"]
    return next(one for one in found if one["pool"] == name)


async def test_codes_are_imported_row_by_row_and_can_be_repeated(
    offline: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("Code,note\nAB-1,x\nab 1,y\n,z\nCD-2,\n")
    arguments = ("coupon", "import", "spring", file, "--column", "Code")
    dry = await offline(*arguments, "--dry-run", "--json")
    assert (dry.code, dry.json["read"], dry.json["new"]) == (1, 4, 2)
    assert (await pool(offline))["free"] == 0
    first = await offline(*arguments, "--json")
    assert (first.code, first.json["new"], first.json["known"]) == (1, 2, 0)
    assert [bad["reason"] for bad in first.json["refused"]] == [
        "the code ab 1 is in the file already",
        "the code is empty",
    ]
    assert column(first.json["file"], "note") == ["y", "z"]
    again = await offline(*arguments)
    assert "      0  codes put in" in again.out
    assert "      2  on record before" in again.out
    found = await pool(offline)
    assert (found["free"], found["low_water"], found["is_low"]) == (2, 2, False)
    other = await offline("coupon", "import", "vip", file, "--column", "Code", "--json")
    assert other.json["refused"][0]["reason"] == "the code AB-1 is in the pool spring"


async def test_json_lines_are_read_too(offline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "codes.jsonl"
    file.write_text('{"code": "AB-1"}\n{"code": 7000}\n')
    answer = await offline("coupon", "import", "vip", file, "--json")
    assert (answer.code, answer.json["new"]) == (0, 2)


async def test_codes_that_nobody_has_are_taken_out(offline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("code\nAB-1\nAB-2\n")
    await offline("coupon", "import", "spring", file)
    await given(offline, "m1", "c1")
    gone = await offline("coupon", "import", "spring", file, "--remove", "--json")
    assert (gone.code, gone.json["new"]) == (1, 1)
    assert gone.json["refused"][0]["reason"] == "the code AB-1 is reserved, and cannot go back"
    found = await pool(offline)
    assert (found["free"], found["reserved"], found["withdrawn"]) == (0, 1, 1)
    again = await offline("coupon", "import", "spring", file, "--remove", "--json")
    assert (again.json["new"], again.json["known"]) == (0, 1)


async def test_made_codes_are_in_the_pool_and_in_the_file(offline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    answer = await offline("coupon", "make", "spring", "--number", "2500", "--to", file)
    assert (answer.code, "2500 codes of spring are made" in answer.out) == (0, True)
    codes = column(file, "code")
    assert len(set(codes)) == 2500
    assert all(
        code.startswith("SPRING-") and set(code[7:]) <= {*CODE_ALPHABET, "-"} for code in codes
    )
    assert (await pool(offline))["free"] == 2500
    out = await offline("coupon", "make", "spring", "--number", "1", "--to", "-")
    assert out.out.startswith("code\nSPRING-")
    taken = await offline("coupon", "make", "spring", "--number", "1", "--to", file)
    assert (taken.code, "nothing is written over" in taken.err) == (2, True)
    none = await offline("coupon", "make", "vip", "--number", "1", "--to", tmp_path / "vip.csv")
    assert (none.code, "the pool vip has no pattern" in none.err) == (2, True)
    assert not (tmp_path / "vip.csv").exists()


async def test_show_says_who_has_a_code_and_who_used_it(offline: Cli, tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("code\nAB-12-34\n")
    await offline("coupon", "import", "spring", file, "--by", "ada")
    free = (await offline("coupon", "show", "ab1234", "--json")).json
    assert (free["code"], free["state"], free["source"]) == ("AB-12-34", "free", "ada: codes.csv")
    number = await offline.decided("c1", state="sent", at=NOW)
    await given(offline, "abandoned-cart:c1:k1/e/1-reminder", "c1", days=-1)
    late = (await offline("coupon", "show", "AB-12-34", "--json")).json
    assert (late["state"], late["customer_id"], late["message"]) == ("expired", "c1", number)
    assert (late["journey"], late["message_state"]) == ("abandoned-cart", "sent")
    async with offline.store.transaction() as session:
        session.add(
            CouponUseRow(coupon_id=1, customer_id="c2", message_id="e9", order_id="o9", at=NOW)
        )
    shown = (await offline("coupon", "show", "AB-12-34")).out
    assert "given to c1" in shown
    assert f"message {number}, sent" in shown
    assert "by c2, who was not given it, with the order o9" in shown
    (mine,) = (await offline("coupon", "list", "--customer", "c1", "--json")).json
    assert mine == {**late, "uses": mine["uses"]}
    table = (await offline("coupon", "list", "--customer", "c1")).out.splitlines()
    assert table[1].split()[:3] == ["AB-12-34", "spring", "expired"]
    assert (await offline("coupon", "list", "--customer", "c2")).out == "c2 was given no code\n"
    ledger = await offline("ledger", "show", number, "--json")
    assert ledger.json["coupon"] is None
    unknown = await offline("coupon", "show", "AB-99")
    assert (unknown.code, 'no pool has a code "AB-99"' in unknown.fault) == (2, True)


async def test_the_list_names_low_pools_and_those_that_the_project_has_no_more(
    offline: Cli, tmp_path: Path
) -> None:
    async with offline.store.transaction() as session:
        await coupon_stock.add(session, "old", ["OLD-1"], at=NOW, source="x")
    shown = (await offline("coupon", "list")).out.splitlines()
    assert [line.split()[0] for line in shown] == ["POOL", "spring", "vip", "old"]
    assert shown[1].endswith("fewer than 2")
    assert shown[3].endswith("not in coupons.toml")
    file = tmp_path / "old.csv"
    written = await offline("coupon", "export", "old", "--to", file, "--json")
    assert written.json == {"pool": "old", "written": 1, "file": str(file)}
    assert (column(file, "code"), column(file, "state")) == (["OLD-1"], ["free"])
    none = await offline("coupon", "export", "old", "--to", "-", "--state", "used")
    assert none.out == "code,state,customer_id,reserved_at,expires_at,used_at\n"


async def test_what_nobody_knows_is_one_line_that_offers_the_nearest(
    offline: Cli, tmp_path: Path
) -> None:
    file = tmp_path / "codes.csv"
    file.write_text("code\nA\n")
    answer = await offline("coupon", "import", "sprin", file)
    assert (answer.code, answer.fault) == (
        2, 'no pool of coupons "sprin": did you mean "spring"?'
    )  # fmt: skip
    state = await offline("coupon", "export", "spring", "--to", "-", "--state", "fre")
    assert (state.code, 'did you mean "free"' in state.fault) == (2, True)
    lacks = await offline("coupon", "import", "spring", file, "--column", "kode")
    assert (lacks.code, 'no column "kode"' in lacks.fault) == (2, True)


async def test_after_a_restore_what_looks_free_is_taken_out_and_made_again(
    offline: Cli, tmp_path: Path
) -> None:
    await offline("coupon", "make", "spring", "--number", "3", "--to", tmp_path / "codes.csv")
    free = tmp_path / "free.csv"
    await offline("coupon", "export", "spring", "--state", "free", "--to", free)
    gone = await offline("coupon", "import", "spring", free, "--remove", "--json")
    assert (gone.code, gone.json["new"]) == (0, 3)
    assert (await pool(offline))["free"] == 0


async def test_where_journeys_are_played_their_pools_are_full(offline: Cli) -> None:
    await fill(offline.store, [Greeting, AbandonedCart])
    found = (await offline("coupon", "list", "--json")).json["pools"]
    assert {one["pool"]: one["free"] for one in found} == {"spring": PLAYED, "vip": 0}
