"""A file of a project that does not import is one line and exit code 2 for every command."""

import pytest

from tests.support.markdown import ROOT
from tests.support.own_project import SOJOURN, OwnProject

COMMANDS = {
    "demo": (*SOJOURN, "demo"),
    "runs": (*SOJOURN, "runs"),
    "publish": (*SOJOURN, "publish", "Order Completed", "c42"),
    "gateway": (*SOJOURN, "gateway", "--port", "0"),
    "check": (*SOJOURN, "check"),
    "worker": (str(ROOT / "worker.py"),),
}
TEST = """
from sojourn.testkit import JourneyTest


async def test_it(journey: JourneyTest) -> None:
    raise AssertionError("the project cannot be composed")
"""
PYTEST = "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = session\n"
SANDBOXED = (
    "from pathlib import Path\n\n"
    "from sojourn import Journey\nfrom sojourn.events import OrderCompleted\n\n"
    "TEXT = Path(__file__).read_text()\n\n\n"
    "class Winback(Journey, name='winback', starts_on=OrderCompleted):\n"
    "    async def steps(self) -> None: ...\n"
)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_journey_that_does_not_import_is_one_line(own_project: OwnProject, name: str) -> None:
    own_project.write("workflows/winback.py", "from sojourn import Journey\n\nnope\n")
    told = own_project.run(*COMMANDS[name])
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.partition(": ")[2] == (
        "workflows/winback.py, line 3: NameError: name 'nope' is not defined"
    )


@pytest.mark.parametrize("name", ["demo", "check", "worker"])
def test_a_journey_that_the_sandbox_refuses_is_one_line(own_project: OwnProject, name: str) -> None:
    own_project.write("workflows/winback.py", SANDBOXED)
    told = own_project.run(*COMMANDS[name])
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.partition(": ")[2].startswith(
        "workflows/winback.py, line 6: Winback cannot be loaded: Cannot access pathlib.Path"
    )


@pytest.mark.parametrize(
    ("file", "source", "said"),
    [
        ("events.py", "def f(:\n", "events.py, line 1: SyntaxError: invalid syntax"),
        ("activities/codes.py", "\nimport nope\n", "activities/codes.py, line 2: ModuleNotFound"),
        (
            "workflows/winback.py",
            "from sojourn.domain.calendar import zone\nzone('Nowhere')\n",
            'workflows/winback.py, line 2: no time zone "Nowhere"',
        ),
        (
            "workflows/winback.py",
            "from sojourn import Journey\n\n\nclass Winback(Journey, name='winback'):\n    ...\n",
            "workflows/winback.py, line 4: TypeError: Winback never starts",
        ),
        ("workflows/winback.py", "exit('bye')\n", "workflows/winback.py, line 1: SystemExit: bye"),
    ],
)
def test_the_line_names_the_file_and_the_line_at_fault(
    own_project: OwnProject, file: str, source: str, said: str
) -> None:
    own_project.write(file, source)
    told = own_project.run(*SOJOURN, "keys", "list")
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"sojourn: {said}")


@pytest.mark.parametrize(
    ("file", "source", "said"),
    [
        (
            "workflows/winback.py",
            "from sojourn import Journey\n\nnope\n",
            "workflows/winback.py, line 3: NameError: name 'nope' is not defined",
        ),
        (
            "workflows/winback.py",
            SANDBOXED,
            "workflows/winback.py, line 6: Winback cannot be loaded: Cannot access pathlib.Path",
        ),
        ("policy.toml", "quiet_hours = 'nope'\n", 'policy.toml: quiet_hours cannot read "nope"'),
        ("topics.toml", "[cart]\nclass = 'no'\n", "topics.toml: cart.name: is missing"),
    ],
)
def test_the_test_kit_says_a_fault_of_the_project_in_one_line(
    own_project: OwnProject, file: str, source: str, said: str
) -> None:
    own_project.write("pytest.ini", PYTEST)
    own_project.write("tests/test_it.py", TEST)
    own_project.write(file, source)
    told = own_project.run("-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert told.returncode == 1, told.stdout
    _, _, body = told.stdout.partition("ERROR at setup of test_it")
    line, *_ = body.splitlines()[1:]
    assert said in line
    assert "Traceback" not in told.stdout
    assert ".py:" not in told.stdout.replace("test_it.py::", "")
