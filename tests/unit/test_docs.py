"""The pages document everything there is, and say nothing that is not so."""

import importlib
import inspect
import json
import re
import tomllib
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest
from jinja2 import Environment
from pydantic import SecretStr

from sojourn.cli.commands import COMMANDS
from sojourn.cli.consent.mapping import MappingFile, Reader, shipped_formats, shipped_mapping
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain import traits as traits_module
from sojourn.domain.customer import Identity
from sojourn.domain.events import ENVELOPE, SHIPPED, OptInRequested, SignedUp, personal_fields
from sojourn.domain.history import History
from sojourn.domain.message import Message
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.topics import read_topics
from sojourn.journeys.journey import Journey
from sojourn.rendering.contents import EXTRAS, PARTS
from sojourn.rendering.environment import ON_DEMAND, environment
from sojourn.rendering.folders import ENGINE
from sojourn.rendering.render import Renderer
from sojourn.rendering.vocabulary import Vocabulary
from sojourn.settings import Settings
from sojourn.testkit import JourneyTest
from tests.support.markdown import PAGES, ROOT, anchors, blocks, code, links, prose, rows, section
from tests.support.project import PROJECT
from tests.unit.rendering.test_templates import RENDERER, SECRET, SHOP, about

DOCS = ROOT / "docs"
README = ROOT / "README.md"


# ---- pages ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"\w+:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


def test_code_in_the_readme_equals_its_file() -> None:
    shown = {block.file: block.code for block in blocks(README) if block.file}
    assert {"workflows/abandoned_cart.py", "examples/service/service.py"} <= set(shown)
    for file, text in shown.items():
        assert text == (ROOT / file).read_text(), f"README.md shows another {file}"


def test_make_targets_of_the_readme_exist() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake (\w+)", "".join(page.read_text() for page in PAGES)))
    assert named & {"demo", "test", "dev", "check"} == {"demo", "test", "dev", "check"}
    commands = {"demo", "test", "dev", "check", "format", "bench", "lock", "clean"}
    assert named & commands <= targets


def test_ci_runs_what_the_readme_tells() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    lines = script.read_text().splitlines()
    assert lines[-4:] == ["make check", "make test-whole", "make test-more", "make test"], (
        "pytest's closing line is the last"
    )
    assert "set -euo pipefail" in lines


# ---- commands, settings, dependencies ------------------------------------------------------


def test_every_command_is_documented() -> None:
    table = rows(section(README, "Commands"))
    documented = {code(command).split()[1] for command, _ in table}
    assert set(COMMANDS) <= documented


def test_every_setting_is_documented_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {code(name): code(default) for name, default, *_ in rows(prose(DOCS / "settings.md"))}
    assert set(table) == {f"SOJOURN_{name.upper()}" for name in Settings.model_fields}
    for name in table:
        monkeypatch.delenv(name, raising=False)
    bare = Settings()
    for name, default in table.items():
        monkeypatch.setenv(name, default)
    assert Settings() == bare, "each default as it would be written in the environment"


@pytest.mark.parametrize("name", sorted(set(PROJECT.carriers.shipped) - {"outbox"}))
def test_every_setting_of_a_provider_is_documented_with_its_default(name: str) -> None:
    page = DOCS / "providers" / f"{name}.md"
    settings = (row for row in rows(prose(page)) if code(row[0]).startswith("SOJOURN_"))
    table = {code(variable): code(default) for variable, default, *_ in settings}
    module = importlib.import_module(PROJECT.carriers.shipped[name].__module__)
    prefix = module.Config.model_config["env_prefix"]
    fields = module.Config.model_fields
    assert prefix == f"SOJOURN_{name.upper()}_"
    assert set(table) == {f"{prefix}{field.upper()}" for field in fields}
    for field, info in fields.items():
        said = table[f"{prefix}{field.upper()}"]
        if not info.is_required():
            default = info.default
            plain = default.get_secret_value() if isinstance(default, SecretStr) else default
            assert said == str(plain), field
        else:
            assert said == "", f"{field} is required"


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["alerts"], *extras["dev"]]
    given = rows(section(DOCS / "why.md", "What each dependency is for"))
    names = {re.split(r"[\[<>=]", need)[0] for need in needed}
    assert {code(name) for name, _ in given} == names
    assert all(reason for _, reason in given)


def test_the_table_of_the_house_has_the_floors_of_import_linter() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(one["layers"] for one in contracts["contracts"] if one["id"] == "floors")
    floors = [{room.strip() for room in layer.split("|")} for layer in reversed(layers)]
    table = rows(section(ROOT / "CONTRIBUTING.md", "The house"))
    rooms = iter(code(cells[0]).removesuffix("/").removesuffix(".py") for cells in table)
    assert [{next(rooms) for _ in floor} for floor in floors] == floors
    assert not list(rooms)


# ---- events --------------------------------------------------------------------------------


def test_every_event_has_its_section() -> None:
    headings = set(re.findall(r"^## (.+)$", (DOCS / "events.md").read_text(), re.MULTILINE))
    assert headings == {*SHIPPED, "Identify", "Alias", "Quarantine"}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_field_of_an_event_is_documented(name: str) -> None:
    event = SHIPPED[name]
    text = section(DOCS / "events.md", name)
    assert f"`{event.__name__}`" in text
    says = (inspect.getdoc(event) or "").replace("``", "`")
    assert " ".join(says.split()) in " ".join(text.split())
    table = {code(field): mark for field, _, mark in rows(text)}
    fields = {f: info for f, info in event.model_fields.items() if f not in ENVELOPE}
    assert set(table) == set(fields)
    assert {f for f, mark in table.items() if "personal" in mark} == personal_fields(event)
    required = {field for field, info in fields.items() if info.is_required()}
    assert {f for f, mark in table.items() if "required" in mark} == required


# ---- journeys ------------------------------------------------------------------------------


def test_every_verb_and_keyword_is_documented() -> None:
    text = prose(DOCS / "journeys.md")
    public = [name for name in vars(Journey) if not name.startswith("_")]
    assert [name for name in public if not re.search(rf"`[^`\n]*\b{name}\b", text)] == []
    for field in fields(Message):
        assert field.name.startswith("_") or f"| `{field.name}` |" in text


def test_every_verb_of_the_test_kit_is_documented() -> None:
    text = prose(DOCS / "testing.md")
    public = [name for name in vars(JourneyTest) if not name.startswith("_")]
    public += re.findall(r"^    (\w+): ", inspect.getdoc(JourneyTest) or "", re.MULTILINE)
    assert [name for name in public if not re.search(rf"`[^`\n]*\b{name}\b", text)] == []


# ---- templates -----------------------------------------------------------------------------


def test_every_name_and_filter_of_templates_is_documented() -> None:
    page = DOCS / "templates.md"
    context = about("onboarding", "help", SignedUp(customer_id="c_1"), history=History())
    words = Vocabulary(RENDERER._sender, context, Channel.EMAIL, "en", ("en",))
    first = [cells[0] for cells in rows(section(page, "Names"))]
    documented = {re.split(r"\W", span)[0] for c in first for span in re.findall(r"`([^`]+)`", c)}
    assert documented == set(words.names[ON_DEMAND])
    filters = re.findall(r"\\\| (\w+)", section(page, "Filters"))
    ours = environment((ENGINE,)).filters.keys() - Environment().filters.keys()
    assert set(filters) == ours
    macros = re.findall(r"macro (\w+)\(", (ENGINE / "layout/parts.html").read_text())
    pieces = rows(section(page, "Pieces of e-mails"))
    assert [re.split(r"\W", code(cells[0]))[0] for cells in pieces] == macros


def test_every_block_of_templates_is_documented() -> None:
    table = rows(section(DOCS / "templates.md", "Blocks"))
    spans = {channel: [re.findall(r"`(\w+)`", cell) for cell in cells] for channel, *cells in table}
    assert spans == {str(c): [list(PARTS[c]), list(EXTRAS[c])] for c in Channel}


def test_templates_on_the_page_render_as_they_stand(tmp_path: Path) -> None:
    shown = {block.file: block.code for block in blocks(DOCS / "templates.md") if block.file}
    for file, text in shown.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    renderer = Renderer(SHOP, SECRET, [tmp_path / "templates"])
    messages = [Path(file).name.split(".") for file in shown if "/layout/" not in file]
    assert len(messages) == 5
    said = {}
    for template, channel, *_ in messages:
        context = replace(about("renewal", template), journey="orders", key="7")
        said[template, channel] = renderer.render(context, Channel(channel))
    invoice = said["invoice", "email"]
    assert [file.name for file in invoice.files] == ["invoice.pdf"]
    assert [file.name for file in invoice.attachments] == ["event.ics"]
    assert "<p>Sent with care from Bristol.</p>" in re.sub(r' style="[^"]*"', "", invoice.html)
    assert "Sent with care from Bristol.\n\n--\n" in invoice.text
    assert "Oak lamp · 1 · €89.50\n" in said["basket", "email"].text
    shipped = said["shipped", "push"]
    assert (shipped.url, shipped.collapse_key) == ("myshop://orders/7", "parcel-7")
    assert said["shipped", "whatsapp"].variables == ("Ada", "https://shop.example/orders/7")


def test_the_text_part_on_the_page_is_the_one_that_is_made() -> None:
    (shown,) = (b.code for b in blocks(DOCS / "templates.md") if b.code.startswith("Still think"))
    made = RENDERER.render(about("abandoned-cart", "reminder"), Channel.EMAIL).text
    assert shown == re.sub(r"/(u|preferences)/\S+", r"/\1/...", made)


def test_every_trait_and_message_class_is_documented() -> None:
    traits = rows(section(DOCS / "events.md", "Identify"))
    documented = {trait for cells in traits for trait in re.findall(r"`(\w+)`", cells[0])}
    words = {"marketingConsent", "consents", traits_module.PHONES}
    assert documented == {t for t in traits_module.CARD if "_" not in t} | words
    table = rows(section(DOCS / "journeys.md", "Messages"))
    assert set(map(str, MessageClass)) <= {code(cells[0]) for cells in table}


def test_the_topics_and_the_mapping_of_the_page_on_consent_are_read() -> None:
    topics, mapping = [
        block.code for block in blocks(DOCS / "consent.md") if block.language == "toml"
    ]
    listed = read_topics(tomllib.loads(topics))
    assert listed.missing(["en", "it"]) == []
    read = MappingFile.model_validate(tomllib.loads(mapping))
    Reader(read, listed, datetime.now(UTC))
    assert {field for field in ("source", "timezone", "time_format") if getattr(read, field)}


@pytest.mark.parametrize("name", shipped_formats())
def test_every_format_of_consent_is_read_and_names_its_columns_on_the_page(name: str) -> None:
    mapping = shipped_mapping(name)
    Reader(mapping, PROJECT.topics, datetime.now(UTC))
    columns = [*mapping.customer.id, *mapping.customer.email, *mapping.customer.phone]
    columns += [column for word in mapping.words for column in word.telling]
    page = (DOCS / "consent.md").read_text().casefold()
    assert [column for column in columns if f"`{column}`".casefold() not in page] == []


def test_the_statement_on_the_page_is_understood() -> None:
    shown = [b.code for b in blocks(DOCS / "consent.md") if b.language == "json"]
    said, asked = (
        read_call({**json.loads(code), "messageId": "m"}, received_at=datetime.now(UTC))
        for code in shown
    )
    assert isinstance(said, Identity)
    assert said.faults == ()
    assert [word.purpose for word in said.statements] == ["messages", "opens"]
    assert isinstance(asked, Track)
    assert isinstance(asked.event, OptInRequested)
    assert asked.notes == ()
