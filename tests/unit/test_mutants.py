"""`make mutants` picks the tests of a file, and never touches the file itself."""

from pathlib import Path

import pytest

from tests import mutants


def test_the_tests_of_a_file_are_those_of_its_name() -> None:
    assert mutants.tests_of("sojourn/domain/policy.py") == ["tests/unit/domain/test_policy.py"]


def test_a_file_without_tests_of_its_name_is_tried_by_those_that_import_it() -> None:
    found = mutants.tests_of("sojourn/domain/message.py")
    assert "tests/unit/test_docs.py" in found
    assert not [name for name in found if name.startswith("tests/long")]


def test_mutants_are_made_in_a_copy(tmp_path: Path) -> None:
    file, tests = "sojourn/domain/policy.py", ["tests/unit/domain/test_policy.py"]
    before = (mutants.ROOT / "pyproject.toml").read_text()
    mutants.copy_code(tmp_path)
    mutants.configure(tmp_path, file, tests)
    assert (tmp_path / file).read_text() == (mutants.ROOT / file).read_text()
    assert f'only_mutate = ["{file}"]' in (tmp_path / "pyproject.toml").read_text()
    assert (mutants.ROOT / "pyproject.toml").read_text() == before


def test_an_unknown_file_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutants.main(["sojourn/nothing.py"]) == 2
    assert "usage: make mutants FILE=" in capsys.readouterr().out
