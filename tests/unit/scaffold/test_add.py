import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from sojourn.domain.audience import Audience, Audiences
from sojourn.domain.coupons import read_pools
from sojourn.domain.errors import BadInput, Unavailable, UnknownName
from sojourn.domain.events import OrderCompleted
from sojourn.domain.facts import did
from sojourn.domain.topics import Topics, read_topics
from sojourn.project import Project
from sojourn.scaffold import add
from sojourn.scaffold.add import copy_shipped
from sojourn.scaffold.entries import pool_entry
from sojourn.scaffold.new import write_project
from sojourn.scaffold.shipped import Kind, shipped, shipped_as
from tests.support.markdown import ROOT
from tests.support.project import PROJECT, WHOLE


def project(root: Path, *languages: str) -> Project:
    return Project(root=root, templates=(root / "templates",), languages=languages or ("en",))


def test_the_journeys_of_the_repository_ship_with_a_line_on_each() -> None:
    found = shipped(Kind.JOURNEY)
    assert set(found) == set(WHOLE.journeys)
    assert all(journey.summary.endswith(".") for journey in found.values())


def test_its_campaigns_and_audiences_ship_too_and_no_two_share_a_name() -> None:
    campaigns, audiences = shipped(Kind.CAMPAIGN), shipped(Kind.AUDIENCE)
    assert set(campaigns) == set(WHOLE.campaigns)
    assert set(audiences) == set(WHOLE.audiences)
    every = shipped()
    assert len(every) == len(WHOLE.journeys) + len(campaigns) + len(audiences)
    assert all(one.summary.endswith(".") for one in every.values())


@pytest.mark.parametrize("name", WHOLE.journeys)
def test_a_copy_is_all_that_the_journey_needs(name: str, tmp_path: Path) -> None:
    copied = copy_shipped(shipped_as(name), project(tmp_path))
    word = name.replace("-", "_")
    written = {str(path) for path in copied.written}
    assert {f"workflows/{word}.py", f"tests/test_{word}.py", "workflows/__init__.py"} <= written
    assert {path for path in written if path.startswith(f"tests/histories/{name}/")}
    assert not [path for path in written if path.startswith("sojourn/")]
    languages = {path.split(".")[-2] for path in written if path.startswith("templates/")}
    assert languages == ({"en"} if WHOLE.journeys[name].messages else set())
    for path in copied.written:
        assert (tmp_path / path).is_file()


@pytest.mark.parametrize("name", WHOLE.journeys)
def test_the_test_of_a_journey_uses_public_names_alone(name: str) -> None:
    test = shipped_as(name).test
    assert test is not None
    lines = (ROOT / test).read_text().splitlines()
    ours = [line.split()[1] for line in lines if line.startswith(("from ", "import "))]
    public = {"sojourn", "sojourn.events", "sojourn.testkit"}
    assert {m for m in ours if m.partition(".")[0] in ("sojourn", "tests")} <= public


def test_modules_that_a_journey_imports_come_along(tmp_path: Path) -> None:
    copied = copy_shipped(shipped_as("abandoned-cart"), project(tmp_path))
    modules = {str(path) for path in copied.written if path.parts[0] == "activities"}
    assert {"activities/issue_code.py", "activities/shop.py"} <= modules


def test_a_project_in_other_languages_gets_all_that_ship(tmp_path: Path) -> None:
    copied = copy_shipped(shipped_as("renewal"), project(tmp_path, "fr"))
    names = {path.name for path in copied.written}
    assert {"today.sms.en.txt", "today.sms.it.txt", "today.sms.pl.txt"} <= names


def test_a_file_in_the_way_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_renewal.py").write_text("mine")
    with pytest.raises(BadInput, match=r"tests/test_renewal\.py is there already"):
        copy_shipped(shipped_as("renewal"), project(tmp_path))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["test_renewal.py"]


def test_a_module_of_helpers_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    mine = "try:\n    from ours import TEN\nexcept ImportError:\n    from theirs import TEN\n"
    (tmp_path / "workflows" / "times.py").write_text(mine)
    copied = copy_shipped(shipped_as("renewal"), project(tmp_path))
    assert copied.kept == [Path("workflows/times.py")]
    assert (tmp_path / "workflows" / "times.py").read_text() == mine


def test_a_journey_that_the_project_has_is_refused() -> None:
    with pytest.raises(BadInput, match="renewal is a journey of this project already"):
        copy_shipped(shipped_as("renewal"), PROJECT)


def test_a_name_that_does_not_ship_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match='did you mean "renewal"'):
        shipped_as("renewl")


# ---- topics ----------------------------------------------------------------------------------


def listing(root: Path, *languages: str) -> Project:
    """Return a project that lists one topic."""
    (root / "topics.toml").write_text('# ours\n[reviews]\nname.en = "Reviews"')
    return Project(
        root=root, templates=(root / "templates",), languages=languages, topics=topics_of(root)
    )


def topics_of(root: Path) -> Topics:
    return read_topics(tomllib.loads((root / "topics.toml").read_text()))


@pytest.mark.parametrize("name", WHOLE.journeys)
def test_the_topics_of_a_shipped_journey_are_those_of_its_messages(name: str) -> None:
    journey = WHOLE.journeys[name]
    named = {message.of(journey.topic).topic for message in journey.messages}
    assert set(shipped_as(name).topics) == named


def test_topics_that_a_project_lacks_are_listed_in_its_languages(tmp_path: Path) -> None:
    copied = copy_shipped(shipped_as("onboarding"), listing(tmp_path, "it", "de"))
    assert copied.topics == ["account", "onboarding"]
    assert (tmp_path / "topics.toml").read_text().startswith("# ours\n[reviews]\n")
    found = topics_of(tmp_path)
    assert list(found) == ["reviews", "account", "onboarding"]
    assert found["account"] == replace(
        PROJECT.topics["account"],
        name={"it": PROJECT.topics["account"].name["it"]},
        about={"it": PROJECT.topics["account"].about["it"]},
    )


def test_a_topic_that_the_project_lists_stays_its_own(tmp_path: Path) -> None:
    project = listing(tmp_path, "en")
    copy_shipped(shipped_as("abandoned-cart"), project)
    own = (tmp_path / "topics.toml").read_text().replace("Your shopping cart", "Basket")
    (tmp_path / "topics.toml").write_text(own)
    again = replace(project, topics=topics_of(tmp_path), root=tmp_path)
    for path in [
        *tmp_path.rglob("*cart*.py"),
        *tmp_path.rglob("*.json"),
        *tmp_path.rglob("*.html"),
    ]:
        path.unlink()
    for path in tmp_path.rglob("*.txt"):
        path.unlink()
    assert copy_shipped(shipped_as("abandoned-cart"), again).topics == []
    assert (tmp_path / "topics.toml").read_text() == own


def test_a_project_that_lists_no_topics_goes_on_without(tmp_path: Path) -> None:
    assert copy_shipped(shipped_as("renewal"), project(tmp_path)).topics == []
    assert not (tmp_path / "topics.toml").exists()


def test_topics_that_cannot_be_written_leave_the_project_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = listing(tmp_path, "en")

    def half(file: Path, text: str) -> None:
        with file.open("a") as end:
            end.write("[ren")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(add, "_append", half)
    with pytest.raises(Unavailable, match="No space left on device"):
        copy_shipped(shipped_as("renewal"), project)
    assert [path.name for path in tmp_path.rglob("*")] == ["topics.toml"]
    assert list(topics_of(tmp_path)) == ["reviews"]


# ---- campaigns and audiences -----------------------------------------------------------------


CAMPAIGNS = list(shipped(Kind.CAMPAIGN))


def new_shop(root: Path) -> Project:
    """Return a project as `sojourn new` writes it."""
    write_project(root)
    regulars = Audience("regulars", did(OrderCompleted))
    return replace(project(root, "en"), topics=topics_of(root), audiences=Audiences([regulars]))


def files_of(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_the_topics_and_pools_of_a_shipped_campaign_are_those_of_its_message(name: str) -> None:
    one = shipped_as(name)
    messages = [WHOLE.campaigns[held].message for held in one.holds(Kind.CAMPAIGN, one.module)]
    assert set(one.topics) == {message.topic for message in messages}
    assert set(one.pools) == {message.coupon for message in messages if message.coupon}


def test_a_campaign_brings_all_that_it_needs(tmp_path: Path) -> None:
    copied = copy_shipped(shipped_as("we-miss-you"), new_shop(tmp_path))
    assert [str(path) for path in copied.written] == [
        "audiences/silent.py",
        "starter/__init__.py",
        "starter/campaigns/__init__.py",
        "starter/campaigns/we_miss_you.py",
        "templates/we-miss-you/message.email.en.html",
        "workflows/signs_of_life.py",
    ]
    assert (copied.audiences, copied.topics, copied.pools) == (["inactive"], ["win-back"], [])


def test_a_project_with_every_campaign_that_ships_composes(tmp_path: Path) -> None:
    shop = new_shop(tmp_path)
    for name in CAMPAIGNS:
        copy_shipped(shipped_as(name), replace(shop, topics=topics_of(tmp_path)))
    script = "from sojourn import load_project; print(*load_project().campaigns)"
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"SOJOURN_PROJECT": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.split() == CAMPAIGNS


def test_a_pool_goes_to_the_end_of_the_projects_in_its_languages(tmp_path: Path) -> None:
    shop = replace(new_shop(tmp_path), languages=("pl", "de"))
    (tmp_path / "coupons.toml").write_text("[spring]\nvalid_for = 3")
    assert copy_shipped(shipped_as("regulars-offer"), shop).pools == ["regulars"]
    found = read_pools(tomllib.loads((tmp_path / "coupons.toml").read_text()))
    whole = WHOLE.coupons["regulars"]
    assert list(found) == ["spring", "regulars"]
    assert found["regulars"] == replace(whole, gives={"pl": whole.gives["pl"]})


def test_a_pool_that_the_project_lists_stays_its_own(tmp_path: Path) -> None:
    shop = replace(new_shop(tmp_path), coupons=read_pools({"regulars": {}}))
    assert copy_shipped(shipped_as("regulars-offer"), shop).pools == []
    assert not (tmp_path / "coupons.toml").exists()


def test_what_is_written_of_a_pool_is_read_alike() -> None:
    table = {
        "pattern": "A-??????????", "valid_for": 0, "last_day": date(2027, 5, 31), "low_water": 5,
        "percent": 12.5, "gives": {"en": "\"10%\" off", "it": "sconto"},
    }  # fmt: skip
    for pools in (read_pools({"bare": {}}), read_pools({"full": table})):
        (pool,) = pools.values()
        assert read_pools(tomllib.loads(pool_entry(pool, ["en", "it"]))) == pools


def test_the_audience_of_a_new_project_is_the_one_that_a_campaign_takes(tmp_path: Path) -> None:
    copied = copy_shipped(shipped_as("regulars-offer"), new_shop(tmp_path))
    assert copied.kept == [Path("audiences/shoppers.py")]
    assert copied.audiences == []
    assert "asleep" not in (tmp_path / "audiences" / "shoppers.py").read_text()


def test_a_module_that_lacks_what_is_imported_is_named_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    shop = replace(new_shop(tmp_path), audiences=Audiences())
    own = tmp_path / "audiences" / "shoppers.py"
    own.write_text("def hers():\n    regulars = 1\n")
    before = files_of(tmp_path)
    fault = (
        r"audiences/shoppers\.py is there already, .* it has no regulars, which "
        r"starter/campaigns/regulars_offer\.py imports: copy that from /.*/audiences/shoppers\.py"
    )
    with pytest.raises(BadInput, match=fault):
        copy_shipped(shipped_as("regulars-offer"), shop)
    assert files_of(tmp_path) == before


def test_an_audience_of_the_same_name_in_another_file_is_named(tmp_path: Path) -> None:
    shop = new_shop(tmp_path)
    (tmp_path / "audiences" / "shoppers.py").rename(tmp_path / "audiences" / "buyers.py")
    fault = r"regulars is an audience of this project already, and audiences/shoppers\.py would be"
    with pytest.raises(BadInput, match=fault):
        copy_shipped(shipped_as("regulars-offer"), shop)
    assert not (tmp_path / "starter").exists()


def test_an_audience_is_copied_with_its_file(tmp_path: Path) -> None:
    copied = copy_shipped(shipped_as("birthdays"), new_shop(tmp_path))
    assert copied.written == [Path("audiences/occasions.py")]
    assert copied.audiences == ["birthdays", "first-order-days"]


def test_an_audience_whose_file_is_in_the_way_says_what_that_lacks(tmp_path: Path) -> None:
    shop = new_shop(tmp_path)
    fault = (
        r"audiences/shoppers\.py is there already, .* it lacks asleep, newcomers; copy that from"
    )
    with pytest.raises(BadInput, match=fault):
        copy_shipped(shipped_as("asleep"), shop)
    with pytest.raises(BadInput, match="regulars is an audience of this project already"):
        copy_shipped(shipped_as("regulars"), shop)


def test_a_campaign_that_the_project_has_is_refused() -> None:
    with pytest.raises(BadInput, match="birthday is a campaign of this project already"):
        copy_shipped(shipped_as("birthday"), WHOLE)


def test_a_campaign_that_cannot_be_written_leaves_no_trace(tmp_path: Path) -> None:
    shop = new_shop(tmp_path)
    before = files_of(tmp_path)
    (tmp_path / "starter").write_text("a file")
    with pytest.raises(Unavailable, match=r"cannot write starter/"):
        copy_shipped(shipped_as("birthday"), shop)
    (tmp_path / "starter").unlink()
    assert files_of(tmp_path) == before
