"""One cause is one alert, and what stands stays until counts are back to what they were."""

import shlex
from dataclasses import replace

import pytest
import typer

from sojourn.cli.app import Commands
from sojourn.domain.alerts.alert import Alert, Kind, Standing
from sojourn.domain.alerts.harm import Mailbox
from sojourn.domain.alerts.judging import ALL, Audience, Facts, judge
from sojourn.domain.alerts.silence import Line, Of
from sojourn.domain.alerts.surge import Day, Surge

WEEKS = (50, 47, 55, 61, 44, 52, 58, 49)
DAY = "24 hours"
STARTS = {"Product Added": ("abandoned-cart", "browse")}
EVENT = Line(Of.EVENT, "Product Added", DAY, 0, WEEKS)
RUNS = Line(Of.JOURNEY, "abandoned-cart", DAY, 0, WEEKS)
SENDS = Line(Of.SENDS, "abandoned-cart", "1 day", 0, WEEKS)
ANY = Line(Of.ALL, ALL, DAY, 0, tuple(9 * one for one in WEEKS))
STRANGER = Line(Of.STRANGER, "Product Add", DAY, 48, ())
OTHER = Line(Of.STRANGER, "Store Visited", DAY, 60, ())
SURGE = Surge("renewal", "template", Day(60, 120), Day(5, 400), (Day(5, 400),) * 5)
GMAIL = Mailbox("gmail", 10_000, 100, 80)
EMPTY = Audience("big-spenders", 0, 312, ("sojourn audience show big-spenders",))


def names(*lines: Line, standing: dict[str, Standing] | None = None) -> list[str]:
    return [one.name for one in judge(Facts(lines, starts=STARTS), standing or {})]


def standing(*alerts: Alert) -> dict[str, Standing]:
    return {one.name: Standing(one.expected, one.window) for one in alerts}


def test_a_silent_journey_is_named_with_its_numbers() -> None:
    (alert,) = judge(Facts((RUNS, SENDS)))
    assert alert.name == "journey-silent:abandoned-cart"
    assert "0 in 24 hours, 53 were expected" in alert.line
    assert (alert.seen, round(alert.expected)) == (0, 53)


def test_a_renamed_event_names_both() -> None:
    facts = Facts((EVENT, RUNS, SENDS, OTHER, STRANGER), starts=STARTS)
    (alert,) = judge(facts)
    assert alert.name == "event-renamed:Product Added"
    assert '"Product Added" has stopped' in alert.line
    assert '"Product Add", which nothing declares, came 48 times instead' in alert.line
    assert "on it start abandoned-cart, browse" in alert.line


@pytest.mark.parametrize(
    "stranger",
    [
        replace(STRANGER, before=(40, 41, 44)),  # it has always been there
        replace(STRANGER, seen=9),  # it is rarer by far
        replace(STRANGER, window="3 hours"),
    ],
)
def test_a_stranger_that_fits_not_is_no_new_name(stranger: Line) -> None:
    assert names(EVENT, stranger) == ["event-silent:Product Added"]


def test_one_cause_is_one_alert() -> None:
    assert names(RUNS, EVENT, SENDS) == ["event-silent:Product Added"]
    assert names(RUNS, EVENT, SENDS, ANY) == ["nothing-arrives:all"]
    assert names(SENDS) == ["sends-silent:abandoned-cart"]


def test_a_cause_that_turns_up_later_ends_nothing() -> None:
    stands = standing(*judge(Facts((RUNS,))))
    assert names(RUNS, EVENT, standing=stands) == [
        "event-silent:Product Added",
        "journey-silent:abandoned-cart",
    ]


def test_what_stands_is_one_alert_whatever_is_found_beside_it() -> None:
    stands = standing(*judge(Facts((EVENT,), starts=STARTS)))
    again = names(EVENT, STRANGER, replace(EVENT, window="7 days"), standing=stands)
    assert again == ["event-silent:Product Added"]


def test_silence_lasts_until_enough_is_back() -> None:
    stands = standing(*judge(Facts((RUNS,))))
    forgotten = replace(RUNS, before=(0,) * 8)  # two months later
    holiday = replace(RUNS, before=())
    for line in (RUNS, replace(RUNS, seen=8), forgotten, holiday):
        assert names(line, standing=stands) == ["journey-silent:abandoned-cart"]
    assert names(replace(RUNS, seen=30), standing=stands) == []
    assert names(standing=stands) == []  # an operator has paused it: nobody looks at it


def test_a_surge_lasts_until_a_whole_day_is_usual() -> None:
    (alert,) = judge(Facts(surges=(SURGE,)))
    assert alert.name == "skips-surge:renewal/template"
    assert "60 messages of renewal did not leave today so far because of template" in alert.line
    stands = standing(alert)
    morning = replace(SURGE, today=Day(0, 3), yesterday=Day(60, 400))
    assert judge(Facts(surges=(morning,)), stands)
    assert not judge(Facts(surges=(replace(morning, yesterday=Day(6, 400)),)), stands)
    assert not judge(Facts(surges=(morning,)))


def test_complaints_are_judged_by_what_is_certain_and_of_enough_messages() -> None:
    found = judge(Facts(mailboxes=(GMAIL,)))
    assert [one.name for one in found] == ["complaints-over:gmail", "complaints-high:gmail"]
    assert (
        "0.8 % of 10,000 e-mails to gmail of 7 days were called spam, over 0.3 %" in found[0].line
    )
    assert not judge(Facts(mailboxes=(Mailbox("gmail", 999, 0, 30),)))
    assert not judge(Facts(mailboxes=(Mailbox("gmail", 2000, 0, 3),)))  # 0.15 %, by chance
    assert [one.kind for one in judge(Facts(mailboxes=(Mailbox("web.de", 2000, 160, 0),)))] == [
        Kind.BOUNCES_OVER
    ]


def test_one_provider_is_not_told_of_all_of_them_too() -> None:
    every = Mailbox(ALL, 12_000, 100, 80)
    assert {one.about for one in judge(Facts(mailboxes=(every, GMAIL)))} == {"gmail"}
    assert {one.about for one in judge(Facts(mailboxes=(every,)))} == {ALL}


def test_a_share_between_the_two_rules_neither_begins_nor_ends() -> None:
    stands = standing(*judge(Facts(mailboxes=(GMAIL,))))
    between = Mailbox("gmail", 10_000, 100, 32)
    assert [one.name for one in judge(Facts(mailboxes=(between,)))] == ["complaints-high:gmail"]
    assert len(judge(Facts(mailboxes=(between,)), stands)) == 2
    assert not judge(Facts(mailboxes=(Mailbox("gmail", 10_000, 100, 9),)), stands)


def test_an_audience_that_was_never_large_may_be_empty() -> None:
    (alert,) = judge(Facts(audiences=(EMPTY,)))
    assert alert.line == "nobody is in the audience of big-spenders any more; 312 were"
    assert not judge(Facts(audiences=(replace(EMPTY, had=19),)))
    assert judge(Facts(audiences=(replace(EMPTY, had=0),)), standing(alert))
    assert not judge(Facts(audiences=(replace(EMPTY, size=1),)), standing(alert))


def test_every_command_to_look_with_is_one() -> None:
    facts = Facts((EVENT, RUNS, SENDS, ANY), (SURGE,), (GMAIL,), (EMPTY,))
    apart = [judge(Facts((line,), starts=STARTS)) for line in facts.lines]
    alerts = [*judge(facts), *(one for found in apart for one in found)]
    assert {one.kind for one in alerts} >= set(Kind) - {Kind.EVENT_RENAMED, Kind.BOUNCES_OVER}
    for line in {line for one in alerts for line in one.look}:
        name, *words = shlex.split(line)
        assert name == "sojourn"
        _parse(Commands(), words)


def _parse(group: typer.core.TyperGroup, words: list[str]) -> None:
    context = typer.Context(group)
    name, command, rest = group.resolve_command(context, list(words))
    assert command is not None
    assert name
    if isinstance(command, typer.core.TyperGroup) and rest and rest[0] in command.commands:
        _parse(command, rest)
        return
    command.make_context(name, rest, parent=context)
