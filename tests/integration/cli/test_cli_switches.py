"""`sojourn pause`, `close`, `resume` and `switches`: what operators hold back."""

from datetime import UTC, datetime

import pytest

from sojourn.domain.switches import Part, Scope
from sojourn.store import switches
from tests.support.cli_stack import Cli

NOW = datetime.now(UTC)
WHY = ("--why", "wrong price", "--by", "anna")


async def test_a_journey_is_paused_listed_and_resumed(offline: Cli) -> None:
    answer = await offline("pause", "journey", "onboarding", *WHY)
    assert (answer.code, answer.err) == (0, "")
    entries, sends = answer.out.splitlines()
    assert entries.startswith("journey onboarding: no event starts a run, since 20")
    assert sends.startswith("journey onboarding: messages wait, since 20")
    assert sends.endswith("by anna: wrong price")
    listed = (await offline("switches", "--json")).json
    assert [(one["scope"], one["name"], one["part"]) for one in listed] == [
        ("journey", "onboarding", "entries"),
        ("journey", "onboarding", "sends"),
    ]
    assert {(one["by"], one["because"], one["closed"]) for one in listed} == {
        ("anna", "wrong price", False)
    }
    assert datetime.fromisoformat(listed[0]["since"]) >= NOW
    shown = await offline("resume", "journey", "onboarding", "--why", "mended", "--by", "bob")
    assert (shown.code, shown.out) == (0, "journey onboarding goes on\n")
    assert (await offline("switches")).out == "nothing is held back\n"
    kept = (await offline("switches", "--all", "--json")).json
    assert {(one["ended_by"], one["ended_because"]) for one in kept} == {("bob", "mended")}


async def test_one_part_is_paused_and_one_is_resumed(offline: Cli) -> None:
    await offline("pause", "topic", "cart", "--sends", *WHY)
    assert [one["part"] for one in (await offline("switches", "--json")).json] == ["sends"]
    await offline("pause", "topic", "cart", "--entries", *WHY)
    answer = await offline("resume", "topic", "cart", "--entries", *WHY)
    assert answer.out.startswith("topic cart goes on; still held back: messages wait, since")


async def test_a_closed_journey_takes_nobody_and_lets_messages_go(offline: Cli) -> None:
    answer = await offline("close", "journey", "onboarding", *WHY)
    assert answer.out.startswith("journey onboarding: closed: no event starts a run, since")
    (one,) = (await offline("switches", "--json")).json
    assert (one["part"], one["closed"]) == ("entries", True)


async def test_a_resumed_journey_says_what_else_holds_it_back(offline: Cli) -> None:
    await offline("pause", "all", *WHY)
    await offline("pause", "journey", "abandoned-cart", *WHY)
    answer = await offline("resume", "journey", "abandoned-cart", *WHY)
    said, *others = answer.out.splitlines()
    assert said == "journey abandoned-cart goes on"
    assert len(others) == 2
    assert all(line.startswith("everything is still on hold: ") for line in others)


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("journey", "onbording"), 'no journey "onbording": did you mean "onboarding"?'),
        (("topic", "crat"), 'no topic "crat": did you mean "cart"?'),
        (("journeys", "x"), 'no switch "journeys": did you mean "journey"?'),
        (("all", "cart"), "all takes no name"),
        (
            ("journey",),
            "which journey? Choose one of: abandoned-cart, double-opt-in, onboarding, renewal",
        ),
    ],
)
@pytest.mark.parametrize("act", ["pause", "close", "resume"])
async def test_what_is_not_known_changes_nothing(
    offline: Cli, act: str, arguments: tuple[str, ...], fault: str
) -> None:
    answer = await offline(act, *arguments, *WHY)
    assert (answer.code, answer.out) == (2, "")
    assert answer.fault.startswith(fault)
    assert (await offline("switches", "--json")).json == []


async def test_a_switch_needs_a_reason_and_a_name_of_a_person(offline: Cli) -> None:
    assert (await offline("pause", "all", "--why", " ")).code == 2
    assert (await offline("pause", "all", "--why", "x", "--by", "twilio")).code == 2
    assert (await offline("pause", "all")).code == 2
    assert (await offline("switches", "--json")).json == []


async def test_a_journey_that_is_gone_can_still_be_resumed(offline: Cli) -> None:
    async with offline.store.transaction() as session:
        await switches.begin(
            session, Scope.JOURNEY, "former", [Part.SENDS], closed=False, because="x", by="anna"
        )
    assert (await offline("resume", "journey", "former", *WHY)).out == "journey former goes on\n"


async def test_explain_tells_who_holds_a_message_back_and_why(offline: Cli) -> None:
    ada = await offline.identify()
    await offline.decided(ada, at=NOW, state="deferred", reason="held_back", held_until=NOW)
    await offline("pause", "topic", "cart", *WHY)
    said = (await offline("explain", ada)).out
    assert "because an operator holds it back; anna did so on 20" in said
    assert "wrong price" in said
    await offline("resume", "topic", "cart", *WHY)
    assert "it was resumed since" in (await offline("explain", ada)).out


async def test_nobody_is_started_by_hand_while_entries_are_held_back(cli: Cli) -> None:
    ada = await cli.identify()
    await cli("close", "journey", "abandoned-cart", *WHY)
    fields = ("cart_id=k", "product_id=p")
    answer = await cli("start", "abandoned-cart", ada, *fields)
    assert answer.code == 2
    assert "by anna: wrong price; `sojourn resume journey abandoned-cart` ends that" in answer.fault
    published = await cli("publish", "Product Added", ada, *fields, "--json")
    assert published.json["runs"] == []
    assert "starts no run of abandoned-cart" in str(published.json["notes"])
    assert (
        ":k: started no run: anna held entries back: wrong price" in (await cli("explain", ada)).out
    )
    await cli("resume", "journey", "abandoned-cart", *WHY)
    assert (await cli("start", "abandoned-cart", ada, *fields)).code == 0
