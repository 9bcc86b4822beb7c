from pathlib import Path

import pytest

from sojourn.domain.coupons import FILE as COUPONS
from sojourn.domain.errors import BadInput, Unavailable
from sojourn.domain.topics import FILE as TOPICS
from sojourn.project import POLICY, Declaration
from sojourn.scaffold import new
from sojourn.scaffold.names import distribution_name
from sojourn.scaffold.new import write_project
from tests.support.markdown import ROOT


@pytest.mark.parametrize(
    ("folder", "name"),
    [("shop", "shop"), ("Acme Shop", "acme-shop"), ("acme__shop.2", "acme-shop-2"), ("1a", "1a")],
)
def test_a_folders_name_becomes_a_distributions_name(folder: str, name: str) -> None:
    assert distribution_name(folder) == name


@pytest.mark.parametrize("folder", ["Größe", "shop!", "---", "", "sojourn", "Sojourn"])
def test_a_name_that_no_index_takes_is_refused(folder: str) -> None:
    with pytest.raises(BadInput):
        distribution_name(folder)


def test_a_new_project_has_the_shape_of_the_repository(tmp_path: Path) -> None:
    assert write_project(tmp_path / "shop") == "shop"
    names = {path.name for path in (tmp_path / "shop").iterdir()}
    assert names >= {
        "pyproject.toml", "Makefile", "worker.py", "docker-compose.temporal.yml", "deploy",
        "workflows", "templates", "events.py", "tests", "AGENTS.md", "README.md", ".gitignore",
        ".env.example", "Dockerfile", ".dockerignore", "topics.toml", "policy.toml",
        "audiences",
    }  # fmt: skip
    assert 'name = "shop"' in (tmp_path / "shop" / "pyproject.toml").read_text()
    assert "name: shop\n" in (tmp_path / "shop" / "docker-compose.temporal.yml").read_text()
    assert len((tmp_path / "shop" / "worker.py").read_text().splitlines()) <= 6


def test_the_image_of_a_new_project_takes_all_its_files_of_rules(tmp_path: Path) -> None:
    write_project(tmp_path / "shop")
    taken = (tmp_path / "shop" / ".dockerignore").read_text().splitlines()
    assert {f"!{file}" for file in (TOPICS, COUPONS, POLICY)} <= set(taken)


@pytest.mark.parametrize("file", [".dockerignore", "sojourn/scaffold/project/dockerignore"])
def test_an_image_takes_each_folder_that_a_project_may_have(file: str) -> None:
    taken = (ROOT / file).read_text().splitlines()
    parts = ("journeys", "activities", "audiences", "campaigns", "templates")
    fields = Declaration.model_fields
    folders = [place.partition("/")[0] for part in parts for place in fields[part].default]
    assert {f"!{folder}/" for folder in folders} <= set(taken)


def test_a_project_is_written_into_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    write_project(tmp_path / "shop")
    assert (tmp_path / "shop" / "worker.py").is_file()


def test_a_folder_with_anything_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadInput, match="is not empty"):
        write_project(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").touch()
    with pytest.raises(BadInput, match="is a file"):
        write_project(tmp_path / "shop")


@pytest.mark.parametrize("was_there", [True, False])
def test_a_failure_leaves_nothing_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, was_there: bool
) -> None:
    folder = tmp_path / "shop"
    if was_there:
        folder.mkdir()
    written = new._files

    def full(name: str):  # type: ignore[no-untyped-def]
        for number, file in enumerate(written(name)):
            if number == 5:
                raise OSError(28, "No space left on device")
            yield file

    monkeypatch.setattr(new, "_files", full)
    with pytest.raises(Unavailable, match="No space left on device"):
        write_project(folder)
    assert folder.exists() == was_there
    assert not was_there or list(folder.iterdir()) == []
