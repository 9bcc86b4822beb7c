"""The page "Your own project" is walked with a wheel, in folders that hold nothing else."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from asyncio import to_thread
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.support.feeds import blogging
from tests.support.markdown import ROOT, Block, blocks
from tests.support.walking import Walk, bare_environment

pytestmark = pytest.mark.long

PAGE = ROOT / "docs" / "project.md"
SECTIONS = (
    "Ten minutes", "A journey", "An event", "An audience", "An activity", "A provider",
    "A language", "A layout", "A journey that ships", "A campaign that ships",
)  # fmt: skip
LIGHT = {"sojourn.testkit", "sojourn.testkit.plugin", "sojourn.testkit.fixtures"}
"""Modules of the pytest plugin that a foreign test run may load."""

USES = """
from sojourn import load_project
project = load_project()
print(sorted(set(project.events) & {"Loyalty Joined", "Product Reviewed"}))
print(sorted(project.activities), sorted(project.carriers.named("pigeon").channels))
"""
GERMAN = """
from sojourn import days
from sojourn.testkit import JourneyTest
from workflows.review_request import ReviewRequest


async def test_a_german_customer_reads_german(journey: JourneyTest) -> None:
    await journey.identify(locale="de-AT")
    await journey.start(ReviewRequest, order_id="o1")
    await journey.after(days(10))
    question = await journey.content("question")
    assert question["subject"] == "Wie gefällt Ihnen Ihre Bestellung?"


async def test_the_footer_is_the_shops_own(journey: JourneyTest) -> None:
    await journey.start(ReviewRequest, order_id="o1")
    await journey.after(days(10))
    question = await journey.content("question")
    assert "we are glad that you did" in question["html"]
    assert "we are glad that you did" in question["text"]
"""
CALLED = {
    "type": "track",
    "event": "Product Added",
    "userId": "c1",
    "messageId": "m1",
    "timestamp": "2026-03-02T12:00:00Z",
    "properties": {"cart_id": "k1", "product_id": "p1"},
}
ENDED = {
    **CALLED,
    "event": "Order Completed",
    "userId": "c2",
    "messageId": "m2",
    "properties": {"order_id": "o1"},
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheels")
    subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
            "--wheel-dir", str(folder), str(ROOT),
        ],
        check=True,
    )  # fmt: skip
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a virtual environment that holds the wheel.

    What the wheel depends on comes from the environment of these tests, which is faster than
    installing it; the wheel itself comes first, and a test proves that it is the one in use.
    """
    folder = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    for command in ("temporal", "temporal-test-server"):
        (folder / "bin" / command).symlink_to(Path(sysconfig.get_path("scripts")) / command)
    subprocess.run(
        [
            sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet",
            "--no-deps", "--no-index", "--ignore-installed", str(wheel),
        ],
        check=True,
    )  # fmt: skip
    return folder / "bin"


@pytest.fixture
def empty(installed: Path, tmp_path: Path, wheel: Path) -> Walk:
    """An empty folder, with nothing but the wheel at hand."""
    links = f"{wheel.parent} {bare_environment().get('PIP_FIND_LINKS', '')}".strip()
    return Walk(tmp_path, bare_environment(path=installed, PIP_FIND_LINKS=links))


def blocks_of(heading: str) -> list[Block]:
    """The blocks under a heading of the page."""
    lines = PAGE.read_text().splitlines()
    begin = lines.index(f"## {heading}")
    rest = [n for n, line in enumerate(lines) if line.startswith("## ") and n > begin]
    return [block for block in blocks(PAGE) if begin < block.line <= (rest or [len(lines)])[0]]


# ---- the wheel -----------------------------------------------------------------------------


def test_the_wheel_holds_one_package_and_no_stray_file(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"sojourn", f"{wheel.name.split('-py3')[0]}.dist-info"}
    assert "sojourn/py.typed" in names
    stray = [
        name
        for name in names
        if "__pycache__" in name or ".DS_Store" in name or name.endswith((".pyc", ".orig", ".log"))
    ]
    assert stray == []
    tests = [name for name in names if "/tests/" in name or "/test_" in name]
    assert [
        name for name in tests if not name.startswith(("sojourn/shipped/", "sojourn/scaffold/"))
    ] == []


def test_an_editable_installation_copies_no_journey(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable, "-c",
            "import sys; from hatchling.build import build_editable; build_editable(sys.argv[1])",
            str(tmp_path),
        ],
        cwd=ROOT,
        check=True,
    )  # fmt: skip
    (file,) = tmp_path.glob("*.whl")
    assert [name for name in zipfile.ZipFile(file).namelist() if "shipped" in name] == []


# ---- the walk ------------------------------------------------------------------------------


def test_every_code_block_of_the_page_is_part_of_the_walk() -> None:
    walked = [block for heading in SECTIONS for block in blocks_of(heading)]
    assert walked == blocks(PAGE)


def test_each_addition_is_one_file_and_its_words() -> None:
    files = {heading: [b.file for b in blocks_of(heading) if b.file] for heading in SECTIONS}
    assert files["A journey"] == [
        "workflows/checkout_help.py",
        "templates/checkout-help/help.sms.en.txt",
        "templates/checkout-help/help.email.en.html",
        "topics.toml",
        "tests/test_checkout_help.py",
    ]
    for heading in (
        "An event",
        "An audience",
        "An activity",
        "A provider",
        "A language",
        "A layout",
    ):
        assert len(files[heading]) == 1, heading


def test_the_walk_of_the_page_works_with_nothing_but_the_wheel(empty: Walk) -> None:
    walk = empty
    *own, journey, campaign = SECTIONS
    for heading in own:
        for block in blocks_of(heading):
            walk.take(block)

    assert ".venv" in walk.run(".venv/bin/python -c 'import sojourn; print(sojourn.__file__)'")
    (walk.folder / "uses.py").write_text(USES)
    used = walk.run(".venv/bin/python uses.py").splitlines()
    assert used[0] == "['Loyalty Joined', 'Product Reviewed']"
    assert used[1] == "['find_parcel'] [<Channel.SMS: 'sms'>]"
    (walk.folder / "uses.py").unlink()

    (walk.folder / "tests" / "test_words.py").write_text(GERMAN.lstrip())
    walk.run("make test")
    with pigeon() as (url, taken):
        walk.run(
            ".venv/bin/python -m pytest tests/test_checkout_help.py -k offered_help",
            SOJOURN_SMS_PROVIDER="pigeon",
            SOJOURN_PIGEON_API_KEY="key",
            SOJOURN_PIGEON_BASE_URL=url,
        )
    assert [said["to"] for said in taken] == ["+393201234567"]
    walk.run("make check")

    for block in blocks_of(journey):
        walk.take(block)
    assert "checkout-help" in walk.said
    assert "abandoned-cart" not in walk.said
    recording = "\n".join(json.dumps(call) for call in (CALLED, ENDED))
    (walk.folder / "recording.jsonl").write_text(recording)
    replayed = json.loads(walk.run(".venv/bin/sojourn replay recording.jsonl --json"))
    assert replayed["journeys"]["abandoned-cart"]["runs"] == 0, "it is switched off"
    assert replayed["journeys"]["review-request"]["runs"] == 1
    for block in blocks_of(campaign):
        walk.take(block)
    walk.run("make test && make check")


async def test_every_campaign_that_ships_can_be_checked_in_a_new_project(empty: Walk) -> None:
    async with blogging() as blog:
        blog.post("tents")
        await to_thread(_check_every_campaign, empty, blog.feed())


def _check_every_campaign(walk: Walk, feed: str) -> None:
    walk.run("sojourn new shop && cd shop")
    ships = json.loads(walk.run("sojourn add --list --json"))
    names = [one["name"] for one in ships if one["kind"] == "campaign"]
    assert "we-miss-you" in names
    for name in names:
        walk.run(f"sojourn add {name}")
        checked = json.loads(walk.run(f"sojourn campaign check {name} --json", SHOP_FEED_URL=feed))
        assert checked["campaign"] == name
        assert len(checked["articles"]) == (name == "newsletter")
    assert {"inactive", "birthdays", "regulars"} <= set(walk.run("sojourn audience list").split())
    walk.run("sojourn check")


class pigeon:  # noqa: N801 (reads as a function)
    """Pigeon's server, as far as the page knows it: its URL, and what it has taken."""

    def __enter__(self) -> tuple[str, list[dict[str, str]]]:
        taken: list[dict[str, str]] = []

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                body = json.dumps({"id": f"p{len(taken)}"}).encode()
                self.send_response(201)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}", taken

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


# ---- beside other code ---------------------------------------------------------------------


def test_a_project_may_have_modules_of_any_name(empty: Walk, installed: Path) -> None:
    empty.run("sojourn new shop")
    shop = empty.folder / "shop"
    for name in ("domain", "store", "activities", "gateway", "settings"):
        (shop / name).mkdir()
        (shop / name / "__init__.py").write_text(f'NAME = "our own {name}"\n')
    (shop / "settings" / "__init__.py").unlink()
    (shop / "settings").rmdir()
    (shop / "settings.py").write_text('NAME = "our own settings"\n')
    (shop / "tests" / "test_ours.py").write_text(
        "import activities, domain, gateway, settings, sojourn, store, workflows\n\n"
        "def test_each_module_is_ours() -> None:\n"
        "    ours = [activities, domain, gateway, settings, store]\n"
        '    assert {m.NAME.split()[0] for m in ours} == {"our"}\n'
        f'    assert sojourn.__file__.startswith("{installed.parent}")\n'
    )
    told = empty.run("cd shop && python -m pytest -p no:cacheprovider && sojourn check")
    assert "2 replayed, none would break" in told


FOREIGN_TEST = """
import sys

import settings


def test_no_engine_is_loaded():
    assert settings.NAME == "theirs"
    print("loaded", sorted(name for name in sys.modules if name.startswith("sojourn")))
"""


def test_a_test_run_that_does_not_use_us_loads_no_engine(empty: Walk) -> None:
    (empty.folder / "settings.py").write_text('NAME = "theirs"\n')
    (empty.folder / "test_theirs.py").write_text(FOREIGN_TEST)
    told = empty.run("python -m pytest -s -q -p no:cacheprovider")
    assert "1 passed" in told
    line = next(line for line in told.splitlines() if "loaded" in line)
    loaded = set(json.loads(line[line.index("[") :].replace("'", '"')))
    assert loaded - {"sojourn"} <= LIGHT
