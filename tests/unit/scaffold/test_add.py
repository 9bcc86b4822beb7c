import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from sojourn.domain.errors import BadInput, Unavailable, UnknownName
from sojourn.domain.topics import Topics, read_topics
from sojourn.project import Project
from sojourn.scaffold import add
from sojourn.scaffold.add import copy_journey
from sojourn.scaffold.shipped import shipped_journey, shipped_journeys
from tests.support.markdown import ROOT
from tests.support.project import PROJECT, WHOLE


def project(root: Path, *languages: str) -> Project:
    return Project(root=root, templates=(root / "templates",), languages=languages or ("en",))


def test_the_journeys_of_the_repository_ship_with_a_line_on_each() -> None:
    found = shipped_journeys()
    assert set(found) == set(WHOLE.journeys)
    assert all(journey.summary.endswith(".") for journey in found.values())


@pytest.mark.parametrize("name", WHOLE.journeys)
def test_a_copy_is_all_that_the_journey_needs(name: str, tmp_path: Path) -> None:
    copied = copy_journey(shipped_journey(name), project(tmp_path))
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
    lines = (ROOT / shipped_journey(name).test).read_text().splitlines()
    ours = [line.split()[1] for line in lines if line.startswith(("from ", "import "))]
    public = {"sojourn", "sojourn.events", "sojourn.testkit"}
    assert {m for m in ours if m.partition(".")[0] in ("sojourn", "tests")} <= public


def test_modules_that_a_journey_imports_come_along(tmp_path: Path) -> None:
    copied = copy_journey(shipped_journey("abandoned-cart"), project(tmp_path))
    modules = {str(path) for path in copied.written if path.parts[0] == "activities"}
    assert {"activities/issue_code.py", "activities/shop.py"} <= modules


def test_a_project_in_other_languages_gets_all_that_ship(tmp_path: Path) -> None:
    copied = copy_journey(shipped_journey("renewal"), project(tmp_path, "fr"))
    names = {path.name for path in copied.written}
    assert {"today.sms.en.txt", "today.sms.it.txt", "today.sms.pl.txt"} <= names


def test_a_file_in_the_way_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_renewal.py").write_text("mine")
    with pytest.raises(BadInput, match=r"tests/test_renewal\.py is there already"):
        copy_journey(shipped_journey("renewal"), project(tmp_path))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["test_renewal.py"]


def test_a_module_of_helpers_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "times.py").write_text("mine")
    copied = copy_journey(shipped_journey("renewal"), project(tmp_path))
    assert copied.kept == [Path("workflows/times.py")]
    assert (tmp_path / "workflows" / "times.py").read_text() == "mine"


def test_a_journey_that_the_project_has_is_refused() -> None:
    with pytest.raises(BadInput, match="renewal is a journey of this project already"):
        copy_journey(shipped_journey("renewal"), PROJECT)


def test_a_name_that_does_not_ship_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match='did you mean "renewal"'):
        shipped_journey("renewl")


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
    assert set(shipped_journey(name).topics) == named


def test_topics_that_a_project_lacks_are_listed_in_its_languages(tmp_path: Path) -> None:
    copied = copy_journey(shipped_journey("onboarding"), listing(tmp_path, "it", "de"))
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
    copy_journey(shipped_journey("abandoned-cart"), project)
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
    assert copy_journey(shipped_journey("abandoned-cart"), again).topics == []
    assert (tmp_path / "topics.toml").read_text() == own


def test_a_project_that_lists_no_topics_goes_on_without(tmp_path: Path) -> None:
    assert copy_journey(shipped_journey("renewal"), project(tmp_path)).topics == []
    assert not (tmp_path / "topics.toml").exists()


def test_topics_that_cannot_be_written_leave_the_project_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = listing(tmp_path, "en")

    def half(topics: object, file: Path, languages: object) -> None:
        with file.open("a") as end:
            end.write("[ren")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(add, "_list", half)
    with pytest.raises(Unavailable, match="No space left on device"):
        copy_journey(shipped_journey("renewal"), project)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["topics.toml"]
    assert list(topics_of(tmp_path)) == ["reviews"]
