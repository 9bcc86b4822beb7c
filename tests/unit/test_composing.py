"""A project is found, imported and composed; its faults are one line that names the file."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest

from sojourn.composing import find_root, load_project, project_settings
from sojourn.domain.errors import BadProject, BadSetting
from sojourn.domain.events import shop
from sojourn.domain.messages import Channel
from sojourn.events import OrderCompleted
from sojourn.project import Project
from sojourn.settings import Settings

JOURNEY = '''
from sojourn import EMAIL, Journey, Message, days, hours
from sojourn.events import AccountActivated, SignedUp


class {cls}(Journey, name="{name}", starts_on=SignedUp, goal=AccountActivated):
    """Say hello."""

    hello = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        await self.send(self.hello)
'''
EVENT = """
from sojourn.events import Event

class {cls}(Event, name="{name}"):
    level: str = ""
"""
PROVIDER = """
from sojourn.domain.messages import Channel

class Pigeon:
    name = "{name}"
    channels = frozenset({{Channel.SMS}})
    def __init__(self, settings: object) -> None:
        pass
"""

Compose = Callable[..., Project]


@pytest.fixture(autouse=True)
def _no_project_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOJOURN_PROJECT")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project whose packages have names that no other test has imported."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    own = f"p{uuid4().hex[:8]}"
    (tmp_path / "pyproject.toml").write_text(
        "[tool.sojourn]\n"
        + "".join(
            f'{kind} = ["{own}_{kind}"]\n'
            for kind in ("journeys", "activities", "events", "channels", "sources")
        )
    )
    for kind in ("journeys", "activities", "channels", "sources"):
        (tmp_path / f"{own}_{kind}").mkdir()
    (tmp_path / f"{own}_events.py").touch()
    return tmp_path


def folder(root: Path, kind: str) -> Path:
    """The folder or module of this kind; its name begins as the others do."""
    own = (root / "pyproject.toml").read_text().partition('"')[2].partition("_")[0]
    return root / f"{own}_{kind}"


def write(root: Path, kind: str, name: str, text: str) -> Path:
    file = folder(root, kind) / name
    file.write_text(text)
    return file


def configure(root: Path, lines: str) -> None:
    with (root / "pyproject.toml").open("a") as file:
        file.write(lines)


def test_a_journey_is_found_by_its_file(root: Path) -> None:
    write(root, "journeys", "hello.py", JOURNEY.format(cls="Hello", name="hello"))
    project = load_project(root)
    assert list(project.journeys) == ["hello"]
    assert [m.step for m in project.journeys["hello"].messages] == ["hello"]
    assert project.templates == (root / "templates",)


def test_a_folder_comes_before_an_installed_package_of_its_name(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    installed = tmp_path_factory.mktemp("installed")
    other = installed / folder(root, "journeys").name
    other.mkdir()
    (other / "__init__.py").write_text("raise RuntimeError('not ours')")
    sys.path.append(str(installed))
    write(root, "journeys", "own.py", JOURNEY.format(cls="Own", name="own"))
    assert list(load_project(root).journeys) == ["own"]


def test_a_folder_without_anything_is_an_empty_project(tmp_path: Path) -> None:
    project = load_project(tmp_path)
    assert not project.journeys
    assert project.events["Order Completed"] is OrderCompleted


def test_events_beside_the_events_module_count_as_well(root: Path) -> None:
    folder(root, "events").with_suffix(".py").write_text(EVENT.format(cls="A", name="A Happened"))
    own = folder(root, "events").name
    (root / f"{own}_loyalty.py").write_text(EVENT.format(cls="B", name="B Happened"))
    assert {"A Happened", "B Happened", "Signed Up"} <= set(load_project(root).events)


def test_a_provider_of_the_project_can_be_chosen(root: Path) -> None:
    write(root, "channels", "pigeon.py", PROVIDER.format(name="pigeon"))
    carriers = load_project(root).carriers
    chosen = carriers.chosen(Settings(sms_provider="pigeon"), [Channel.SMS])
    assert type(chosen[Channel.SMS]).__name__ == "Pigeon"
    assert "pigeon" in carriers.of_channel(Channel.SMS)
    assert "pigeon" not in carriers.of_channel(Channel.EMAIL)


def test_a_journey_that_does_not_import_is_one_line_with_its_place(root: Path) -> None:
    write(root, "journeys", "hello.py", '"""x"""\n\nimport no_such_module_anywhere\n')
    with pytest.raises(BadProject) as told:
        load_project(root)
    line = str(told.value)
    assert line.startswith(f"{folder(root, 'journeys').name}/hello.py, line 3: ")
    assert "no_such_module_anywhere" in line
    assert "\n" not in line


def test_a_journey_with_a_syntax_error_is_one_line_with_its_place(root: Path) -> None:
    write(root, "journeys", "hello.py", "x = 1\nclass Hello(:\n")
    with pytest.raises(BadProject, match=r"hello\.py, line 2: SyntaxError: "):
        load_project(root)


def test_two_journeys_of_one_name_are_refused_with_both_places(root: Path) -> None:
    write(root, "journeys", "one.py", JOURNEY.format(cls="One", name="hello"))
    write(root, "journeys", "two.py", JOURNEY.format(cls="Two", name="hello"))
    with pytest.raises(BadProject, match=r'"hello": \S+\.one\.One and \S+\.two\.Two; rename one'):
        load_project(root)


def test_a_provider_with_the_name_of_a_shipped_one_is_refused(root: Path) -> None:
    write(root, "channels", "twilio.py", PROVIDER.format(name="twilio"))
    with pytest.raises(BadProject, match=r'"twilio": sojourn\.channels\.twilio\.Twilio and '):
        _ = load_project(root).carriers.shipped


def test_an_event_of_a_shipped_name_that_does_not_extend_it_is_refused(root: Path) -> None:
    file = folder(root, "events").with_suffix(".py")
    file.write_text(EVENT.format(cls="Order", name="Order Completed"))
    with pytest.raises(BadProject, match=r'"Order Completed": .*OrderCompleted and '):
        load_project(root)


def test_an_event_of_ones_own_goes_on_when_one_of_its_name_begins_to_ship(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sojourn.domain.events.catalogue.SUBJECTS", (shop,))
    file = folder(root, "events").with_suffix(".py")
    file.write_text(EVENT.format(cls="Feature", name="Feature Used"))
    assert load_project(root).events["Feature Used"].__name__ == "Feature"


def test_an_event_of_ones_own_cannot_mean_what_a_journey_means_by_the_shipped_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sojourn.domain.events.catalogue.SUBJECTS", (shop,))
    write(root, "journeys", "hello.py", JOURNEY.format(cls="Hello", name="hello"))
    file = folder(root, "events").with_suffix(".py")
    file.write_text(EVENT.format(cls="Own", name="Signed Up"))
    with pytest.raises(BadProject, match=r'"Signed Up": .*SignedUp and '):
        load_project(root)


def test_a_journey_is_switched_off_by_its_name(root: Path) -> None:
    write(root, "journeys", "hello.py", JOURNEY.format(cls="Hello", name="hello"))
    configure(root, 'off = ["hello"]\n')
    project = load_project(root)
    assert project.journeys.off == {"hello"}
    assert list(project.journeys) == ["hello"], "its open runs go on to their end"


def test_a_misspelt_journey_that_is_to_be_off_is_told_the_nearest(root: Path) -> None:
    write(root, "journeys", "hello.py", JOURNEY.format(cls="Hello", name="hello"))
    configure(root, 'off = ["helo"]\n')
    with pytest.raises(BadProject, match='no journey "helo": did you mean "hello"'):
        load_project(root)


def test_a_misspelt_key_of_the_declaration_is_told_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.sojourn]\nlanguage = ["de"]\n')
    with pytest.raises(BadProject, match=r"tool\.sojourn\.language: .*did you mean languages"):
        load_project(tmp_path)


def test_a_declared_package_that_is_not_installed_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.sojourn]\njourneys = ["acme_journeys"]\n')
    with pytest.raises(BadProject, match="acme_journeys"):
        load_project(tmp_path)


def test_a_folder_whose_name_another_package_has_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_module("workflows.renewal")  # as a test before this one has, or has not
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "renewal.py").write_text("")
    with pytest.raises(BadProject, match=r"rename the folder, and name it in \[tool\.sojourn\]"):
        load_project(tmp_path)


def test_a_project_says_which_names_its_senders_use(root: Path) -> None:
    configure(
        root,
        '\n[tool.sojourn.synonyms.events]\n"Purchase" = "Order Completed"\n'
        '[tool.sojourn.synonyms.fields]\nbasket = "cart_id"\n',
    )
    known = load_project(root).events
    assert known.known_as("purchase") == "Order Completed"
    envelope = {"message_id": "m", "customer_id": "c", "occurred_at": "2024-01-08T12:00:00Z"}
    read = known.understand("Product Added", {"product_id": "p", "basket": "A"}, envelope)
    assert read.properties == {"product_id": "p", "cart_id": "A"}


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            'events]\n"Purchase" = "Order Complete"',
            'no event "Order Complete": did you mean "Order',
        ),
        ('fields]\nbasket = "cartid"', 'no field of an event "cartid": did you mean "cart_id"'),
        ('names]\nbasket = "cart_id"', "synonyms.names: no such name"),
    ],
)
def test_a_synonym_of_nothing_is_told_the_nearest(root: Path, lines: str, fault: str) -> None:
    configure(root, f"\n[tool.sojourn.synonyms.{lines}\n")
    with pytest.raises(BadProject, match=fault):
        load_project(root)


NEWS = '[news]\nname.en = "News"\n'
MESSAGES = '''
from sojourn import EMAIL, TRANSACTIONAL, Journey, Message, hours
from sojourn.events import SignedUp


class Welcome(Journey, name="welcome", starts_on=SignedUp{topic}):
    """Say hello."""

    hello = Message(EMAIL, useful_for=hours(24){message})

    async def steps(self) -> None:
        await self.send(self.hello)
'''


@pytest.mark.parametrize(
    ("topic", "message", "fault"),
    [
        (', topic="news"', "", ""),
        ("", ', topic="news"', ""),
        (
            ', topic="new"',
            "",
            '"new": did you mean "news".*; write \\[new\\] in topics.toml, or name',
        ),
        ("", "", 'Welcome, hello: no topic "welcome": choose one of: account, news; write'),
        (', topic="account"', "", "is promotional, and nobody could say no to it"),
        (', topic="account"', ", message_class=TRANSACTIONAL", ""),
        (', topic="news"', ", message_class=TRANSACTIONAL", "so a no does not stop it"),
    ],
)
def test_every_message_is_on_a_topic_of_the_file_and_of_its_kind(
    root: Path, topic: str, message: str, fault: str
) -> None:
    account = '[account]\nclass = "transactional"\nname.en = "Account"\n'
    (root / "topics.toml").write_text(NEWS + account)
    write(root, "journeys", "welcome.py", MESSAGES.format(topic=topic, message=message))
    if not fault:
        assert list(load_project(root).topics) == ["news", "account"]
        return
    with pytest.raises(BadProject, match=fault) as raised:
        load_project(root)
    assert "\n" not in str(raised.value)


def test_without_a_file_of_topics_every_topic_goes(root: Path) -> None:
    write(root, "journeys", "welcome.py", MESSAGES.format(topic=', topic="any"', message=""))
    project = load_project(root)
    assert list(project.journeys) == ["welcome"]
    assert not project.topics.declared


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[news", r"topics.toml: Expected"),
        ("[news]\nnane.en = 'x'", r"topics.toml: news.name: is missing"),
    ],
)
def test_a_fault_in_the_file_of_topics_names_the_file(root: Path, text: str, fault: str) -> None:
    (root / "topics.toml").write_text(text)
    with pytest.raises(BadProject, match=fault):
        load_project(root)


@pytest.mark.parametrize(
    ("message", "text", "fault"),
    [
        (', coupon="spring"', "[spring]", ""),
        ("", "", ""),
        (', coupon="sprin"', "[spring]", 'no pool of coupons "sprin": did you mean "spring"'),
        (', coupon="spring"', "", r"coupons.toml lists none; write \[spring\] in coupons.toml"),
        ("", "[spring]\nlow_water = 'few'", r"coupons.toml: spring.low_water: "),
        ("", "[spring", r"coupons.toml: Expected"),
    ],
)
def test_every_coupon_is_of_a_pool_of_the_file(
    root: Path, message: str, text: str, fault: str
) -> None:
    if text:
        (root / "coupons.toml").write_text(text)
    write(root, "journeys", "welcome.py", MESSAGES.format(topic="", message=message))
    if not fault:
        project = load_project(root)
        assert list(project.coupons) == (["spring"] if text else [])
        assert project.journeys["welcome"].messages[0].coupon == ("spring" if message else "")
        return
    with pytest.raises(BadProject, match=fault) as raised:
        load_project(root)
    assert "\n" not in str(raised.value)


def test_the_environment_outweighs_the_defaults_of_the_project(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(root, '\n[tool.sojourn.defaults]\nshop_name = "Acme"\nlocale = "de"\n')
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    monkeypatch.setenv("SOJOURN_LOCALE", "pl")
    settings = project_settings()
    assert (settings.shop_name, settings.locale) == ("Acme", "pl")


def test_a_default_that_is_no_setting_is_told_the_nearest(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(root, '\n[tool.sojourn.defaults]\nshop_nmae = "Acme"\n')
    monkeypatch.setenv("SOJOURN_PROJECT", str(root))
    with pytest.raises(BadSetting, match="shop_nmae: no such setting, did you mean shop_name"):
        project_settings()


def test_the_root_is_the_nearest_folder_upwards_that_declares_it(root: Path) -> None:
    inner = root / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert find_root(inner) == root


def test_a_root_that_the_environment_names_must_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_PROJECT", str(tmp_path / "nowhere"))
    with pytest.raises(BadProject, match=r"SOJOURN_PROJECT=.*nowhere: no such folder"):
        find_root()


def test_a_project_is_composed_once(root: Path) -> None:
    assert load_project(root) is load_project(root)


def test_a_campaigns_coupon_is_of_a_pool_of_the_file(root: Path) -> None:
    (root / "coupons.toml").write_text("[spring]\n")
    campaign = """
from sojourn import EMAIL, Audience, Campaign, Message, days, trait

OFFER = Campaign(
    "offer",
    to=Audience("all", trait("x").is_known),
    message=Message(EMAIL, useful_for=days(2), topic="offers", coupon="sprin"),
)
"""
    place = folder(root, "campaigns")
    place.mkdir()
    configure(root, f'campaigns = ["{place.name}"]\n')
    write(root, "campaigns", "offer.py", campaign)
    with pytest.raises(BadProject, match=r'campaign "offer": no pool .*did you mean "spring"'):
        load_project(root)


def test_written_to_names_a_journey_or_a_campaign_of_the_project(root: Path) -> None:
    audience = """
from sojourn import Audience, days, written_to

QUIET = Audience("quiet", ~written_to("welcom", within=days(90)))
"""
    write(root, "journeys", "welcome.py", MESSAGES.format(topic="", message=""))
    place = folder(root, "audiences")
    place.mkdir()
    configure(root, f'audiences = ["{place.name}"]\n')
    write(root, "audiences", "quiet.py", audience)
    fault = r'audience "quiet": written_to: no journey or campaign "welcom".*mean "welcome"'
    with pytest.raises(BadProject, match=fault):
        load_project(root)


def test_written_to_may_name_what_ships_though_the_project_has_not_copied_it(root: Path) -> None:
    audience = """
from sojourn import Audience, days, written_to

QUIET = Audience(
    "quiet",
    ~written_to("win-back", within=days(90)) & ~written_to("we-miss-you", within=days(90)),
)
"""
    place = folder(root, "audiences")
    place.mkdir()
    configure(root, f'audiences = ["{place.name}"]\n')
    write(root, "audiences", "quiet.py", audience)
    assert "quiet" in load_project(root).audiences


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ("sprin", r'audience "silent": no campaign "sprin".*did you mean "spring"'),
        (
            "news",
            r'audience "silent": news is sent each Monday at 10:00.*say which one: "news@YYYY',
        ),
        ("news@2026-12-08", r"news is sent each Monday at 10:00"),  # a Tuesday
        ("news@2026-12-07", None),
        ("spring", None),
        ("spring@again", None),
    ],
)
def test_a_fact_of_a_campaign_names_one_launch_of_the_project(
    root: Path, asked: str, fault: str | None
) -> None:
    code = f"""
from sojourn import EMAIL, Audience, Campaign, Message, days, did_not_react, trait, weekly

ALL = Audience("all", trait("x").is_known)
SILENT = Audience("silent", did_not_react("{asked}"))
SPRING = Campaign("spring", to=ALL, message=Message(EMAIL, useful_for=days(2), topic="offers"))
NEWS = Campaign(
    "news", to=ALL, message=Message(EMAIL, useful_for=days(2), topic="offers"),
    when=weekly("mon", at="10:00"),
)
"""
    place = folder(root, "campaigns")
    place.mkdir()
    configure(root, f'campaigns = ["{place.name}"]\naudiences = ["{place.name}"]\n')
    write(root, "campaigns", "offer.py", code)
    if fault is None:
        assert set(load_project(root).audiences) == {"all", "silent"}
        return
    with pytest.raises(BadProject, match=fault):
        load_project(root)


def test_a_campaign_does_not_follow_itself(root: Path) -> None:
    code = """
from sojourn import EMAIL, Audience, Campaign, Message, days, received

SPRING = Campaign(
    "spring", to=Audience("had", received("spring")),
    message=Message(EMAIL, useful_for=days(2), topic="offers"),
)
"""
    place = folder(root, "campaigns")
    place.mkdir()
    configure(root, f'campaigns = ["{place.name}"]\n')
    write(root, "campaigns", "offer.py", code)
    with pytest.raises(BadProject, match='campaign "spring", to=: spring cannot follow itself'):
        load_project(root)
