"""Commands in a project of one's own: demo and check take what is there."""

import json

from tests.support.own_project import SOJOURN, OwnProject

LAPSED = '''
from sojourn import Event
from sojourn.domain.events import Identifier, Moment


class CustomerLapsed(Event, name="Customer Lapsed"):
    """A customer has not been seen for long."""

    last_seen: Moment
    list_id: Identifier | None = None
'''
WINBACK = '''
from events import CustomerLapsed

from sojourn import SMS, Journey, Message, days


class Winback(Journey, name="winback", starts_on=CustomerLapsed, key="list_id"):
    """Ask whether the customer comes back."""

    hello = Message(SMS, useful_for=days(1))

    async def steps(self) -> None:
        """Wait for a season, then write once."""
        await self.sleep(days(100))
        await self.send(self.hello)
'''


def test_the_demo_plays_the_journeys_of_the_project(own_project: OwnProject) -> None:
    own_project.write("events.py", LAPSED)
    own_project.write("workflows/winback.py", WINBACK)
    # a provider without credentials would end the worker: the demo's worker must not have it
    told = own_project.run(*SOJOURN, "demo", SOJOURN_SMS_PROVIDER="twilio")
    assert told.returncode == 0, told.stderr
    assert 'Ada starts winback by "Customer Lapsed" and does nothing more' in told.stdout
    assert "(winback: exhausted)" in told.stdout
    assert "hello" in told.stdout
    where = told.stdout.splitlines()[-1].removeprefix("What the messages did, as a page: ")
    report = (own_project.folder / where).read_text()
    assert '<h2 id="part-1">winback</h2>' in report


def test_the_demo_of_a_project_without_journeys_says_so(own_project: OwnProject) -> None:
    told = own_project.run(*SOJOURN, "demo")
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"sojourn: no journey to play in {own_project.folder}")


def test_a_replay_goes_on_without_a_run_whose_code_fails(own_project: OwnProject) -> None:
    own_project.write("events.py", LAPSED)
    fails = '        if self.key == "l2":\n            raise RuntimeError\n'
    send = "        await self.send("
    own_project.write("workflows/winback.py", WINBACK.replace(send, fails + send))
    calls = [
        {
            "type": "track",
            "messageId": f"m{n}",
            "userId": f"u{n}",
            "timestamp": f"2024-02-01T1{n}:00:00Z",
            "event": "Customer Lapsed",
            "properties": {"last_seen": "2023-10-01T00:00:00Z", "list_id": f"l{n}"},
        }
        for n in range(5)
    ]
    own_project.write("calls.jsonl", "".join(json.dumps(call) + "\n" for call in calls))
    told = own_project.run(*SOJOURN, "replay", "calls.jsonl", "--json")
    assert told.returncode == 1, told.stderr
    counts = json.loads(told.stdout)
    assert counts["journeys"]["winback"]["outcomes"] == {"exhausted": 4, "unknown": 1}
    assert counts["journeys"]["winback"]["steps"]["hello"]["due"] == 4
    (unknown,) = counts["unknown"]
    assert unknown["name"] == "winback:u2:l2"
    assert f"unknown: winback:u2:l2: {unknown['reason']}" in told.stderr


def test_a_check_without_recorded_histories_says_that_there_is_nothing_to_check(
    own_project: OwnProject,
) -> None:
    told = own_project.run(*SOJOURN, "check")
    assert told.returncode == 0
    folder = own_project.folder / "tests" / "histories"
    assert told.stdout.startswith(f"nothing to check: no recorded histories (*.json) in {folder};")
    told = own_project.run(*SOJOURN, "check", "--json")
    said = json.loads(told.stdout)
    assert said.pop("replayed") == 0
    assert set(map(tuple, said.values())) == {()}


def test_a_check_of_a_named_folder_without_histories_fails(own_project: OwnProject) -> None:
    own_project.write("events.py", LAPSED)
    own_project.write("workflows/winback.py", WINBACK)
    told = own_project.run(*SOJOURN, "check", "recorded")
    assert told.returncode == 2
    assert told.stderr == "sojourn: no recorded histories (*.json) in recorded\n"


def test_a_check_takes_the_histories_of_the_project(own_project: OwnProject) -> None:
    own_project.write("events.py", LAPSED)
    own_project.write("workflows/winback.py", WINBACK)
    file = own_project.folder / "tests" / "histories" / "winback" / "odd.json"
    own_project.write("tests/histories/winback/odd.json", "{}")
    told = own_project.run(*SOJOURN, "check")
    assert told.returncode == 2
    assert told.stderr.startswith(f"sojourn: {file} is not a workflow history: ")


def test_histories_without_a_journey_are_one_line(own_project: OwnProject) -> None:
    own_project.write("tests/histories/winback/odd.json", "{}")
    told = own_project.run(*SOJOURN, "check")
    assert told.returncode == 2
    assert (
        told.stderr == f"sojourn: no journey in {own_project.folder} to replay histories against\n"
    )


def test_a_check_of_open_runs_without_a_journey_asks_temporal_all_the_same(
    own_project: OwnProject,
) -> None:
    # runs of journeys that are gone would stand still
    told = own_project.run(*SOJOURN, "check", "--open")
    assert told.returncode == 1
    assert told.stderr.startswith("sojourn: no Temporal server answers at")


def test_a_check_lists_templates_that_declared_languages_lack(own_project: OwnProject) -> None:
    own_project.write("pyproject.toml", '[tool.sojourn]\nlanguages = ["en", "de"]\n')
    own_project.write("events.py", LAPSED)
    own_project.write("workflows/winback.py", WINBACK)
    told = own_project.run(*SOJOURN, "check", "--json")
    assert told.returncode == 0, told.stderr
    unwritten = json.loads(told.stdout)["templates"]
    assert {name.split(".")[-2] for name in unwritten} == {"en", "de"}
    assert {name for name in unwritten if ".en." in name} == {"winback/hello.sms.en.txt"}
    assert {"winback/hello.sms.de.txt", "answers/stop.de.txt"} < {*unwritten}
    assert "pages/unsubscribe.de.html" in unwritten
    shown = own_project.run(*SOJOURN, "check").stdout
    assert "missing in declared languages; another language stands in:" in shown
    assert f"  {unwritten[0]}" in shown.splitlines()
