"""The workflow in examples/pull_request: GitHub can read it, a shell its scripts."""

import re
import shlex
import subprocess
from typing import Any

import typer
import yaml

from sojourn.cli.commands.check import app
from tests.support.markdown import ROOT

FILE = ROOT / "examples" / "pull_request" / "impact.yml"


def steps() -> list[dict[str, Any]]:
    told = yaml.safe_load(FILE.read_text())
    assert set(told) == {
        "name",
        True,
        "permissions",
        "concurrency",
        "jobs",
    }  # True: "on" in YAML 1.1
    assert "pull_request" in told[True]
    (job,) = told["jobs"].values()
    assert set(job) == {"if", "runs-on", "environment", "timeout-minutes", "steps"}
    found: list[dict[str, Any]] = job["steps"]
    return found


def test_its_scripts_are_read_by_a_shell_and_expand_no_expression() -> None:
    scripts = [step["run"] for step in steps() if "run" in step]
    assert len(scripts) == 4
    for script in scripts:
        assert "${{" not in script  # values come by the environment: no title is run as a script
        done = subprocess.run(
            ["bash", "-n"], input=script, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_each_step_uses_an_action_or_runs_a_script_and_what_it_refers_to_exists() -> None:
    ids = {step.get("id") for step in steps()}
    for step in steps():
        assert ("uses" in step) != ("run" in step)
        assert set(step) <= {"name", "id", "uses", "with", "env", "run"}
        assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for _ in [0] if "uses" in step)
    referred = re.findall(r"steps\.(\w+)\.outputs", FILE.read_text())
    assert set(referred) <= ids


def test_its_command_has_the_options_that_it_names() -> None:
    (line,) = [
        one
        for step in steps()
        for one in step.get("run", "").splitlines()
        if "sojourn check" in one
    ]
    given = [word for word in shlex.split(line) if word.startswith("--")]
    command = typer.main.get_command(app)
    known = {option for one in command.params for option in one.opts}
    assert set(given) <= known
