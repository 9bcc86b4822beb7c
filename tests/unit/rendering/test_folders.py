"""The search for a template: which folder and which language wins."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from sojourn.domain.content import Content
from sojourn.domain.errors import TemplateError
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.topics import read_topics
from sojourn.gateway.pages.pages import Pages
from sojourn.journeys.registry import Journeys
from sojourn.rendering.folders import ENGINE, Folders, missing, missing_templates
from sojourn.rendering.render import Renderer
from tests.support.project import PROJECT
from tests.unit.rendering.test_templates import ADA, SECRET, SHOP, about, write

EMAIL = """\
{% extends "layout/email.html" %}
{% block subject %}Betreff{% endblock %}
{% block body %}<p>Hallo {{ customer.first_name }}</p>{% endblock %}
"""
SMS = "{% block text %}Hallo{% endblock %}"


def rendered(
    *folders: Path,
    languages: tuple[str, ...] = ("de",),
    locale: str = "de-AT",
    message_class: MessageClass = MessageClass.PROMOTIONAL,
) -> Content:
    renderer = Renderer(SHOP, SECRET, folders, languages)
    customer = replace(ADA, locale=locale)
    context = about("renewal", "x", customer=customer, message_class=message_class)
    return renderer.render(context, Channel.EMAIL)


# ---- overriding ------------------------------------------------------------------------------


def test_a_file_of_an_earlier_folder_takes_the_place_of_one_in_a_later(tmp_path: Path) -> None:
    write(tmp_path, {"a/renewal/x.email.de.html": EMAIL.replace("Hallo", "Servus")})
    write(tmp_path, {"b/renewal/x.email.de.html": EMAIL, "b/renewal/x.sms.de.txt": SMS})
    assert "Servus Ada" in rendered(tmp_path / "a", tmp_path / "b").text
    assert "Hallo Ada" in rendered(tmp_path / "b", tmp_path / "a").text
    both = Folders([tmp_path / "a", tmp_path / "b"])
    assert both.channels("renewal", "x") == {Channel.EMAIL, Channel.SMS}


def test_an_mjml_file_takes_the_place_of_a_later_folders_html(tmp_path: Path) -> None:
    mjml = '{% extends "layout/email.mjml" %}{% block subject %}s{% endblock %}{% block body %}'
    mjml += (
        "<mj-section><mj-column><mj-text>Servus</mj-text></mj-column></mj-section>{% endblock %}"
    )
    write(tmp_path, {"a/renewal/x.email.de.mjml": mjml, "b/renewal/x.email.de.html": EMAIL})
    assert rendered(tmp_path / "a", tmp_path / "b").text.startswith("Servus\n")


def test_a_project_extends_the_engines_layout_in_a_file_of_the_same_name(tmp_path: Path) -> None:
    layout = (
        '{% extends "engine/layout/email.html" %}'
        "{% block card %}{{ super() }}<p>Mit Liebe</p>{% endblock %}"
    )
    write(tmp_path, {"renewal/x.email.de.html": EMAIL, "layout/email.html": layout})
    content = rendered(tmp_path)
    assert "Hallo Ada\n\nMit Liebe\n\n--\n" in content.text
    assert content.subject == "Betreff"


def test_a_message_extends_another_and_replaces_one_block(tmp_path: Path) -> None:
    sister = (
        '{% extends "renewal/x.email.de.html" %}{% block subject %}{{ super() }} & so{% endblock %}'
    )
    write(tmp_path, {"renewal/x.email.de.html": EMAIL, "renewal/x.email.de-AT.html": sister})
    content = rendered(tmp_path)
    assert (content.locale, content.subject) == ("de-AT", "Betreff & so")
    assert "Hallo Ada" in content.text


def test_a_projects_style_is_inlined(tmp_path: Path) -> None:
    style = {"layout/email.css": "p { color: #abcdef; }"}
    write(tmp_path, {"renewal/x.email.de.html": EMAIL, **style})
    assert '<p style="color: #abcdef' in rendered(tmp_path).html


def test_without_folders_there_are_the_engines_words_alone() -> None:
    renderer = Renderer(SHOP, SECRET)
    assert renderer.channels_of("abandoned-cart", "reminder") == set()
    with pytest.raises(TemplateError, match=r'^abandoned-cart: no template "reminder\.email"$'):
        renderer.render(about("abandoned-cart", "reminder"), Channel.EMAIL)


def test_a_message_that_is_there_twice_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, {"renewal/x.email.de.html": EMAIL, "renewal/x.email.de.mjml": EMAIL})
    fault = r"^renewal/x\.email\.de: there as \.html and as \.mjml: delete one$"
    with pytest.raises(TemplateError, match=fault):
        rendered(tmp_path)


# ---- the text part beside --------------------------------------------------------------------


def test_a_text_beside_an_email_is_its_text_part(tmp_path: Path) -> None:
    beside = (
        '{% extends "layout/email.txt" %}\n'
        "{% block body %}{{ subject }} <{{ links.help }}>\n\n\n\nAda & co  \n{% endblock %}"
    )
    write(tmp_path, {"renewal/x.email.en.html": EMAIL, "renewal/x.email.en.txt": beside})
    text = rendered(tmp_path, locale="en", message_class=MessageClass.TRANSACTIONAL).text
    text = re.sub(r"/preferences/\S+", "/preferences/TOKEN", text)
    assert text == (
        "Betreff <https://shop.example/help>\n"
        "\n"
        "Ada & co\n"
        "\n"
        "--\n"
        "You get this e-mail because it concerns your account with Tern & Oak.\n"
        "Choose what you get: https://mail.shop.example/preferences/TOKEN\n"
        "\n"
        "Tern & Oak, 12 Harbour Lane, Bristol\n"
    )


def test_a_fault_in_a_text_beside_names_that_file(tmp_path: Path) -> None:
    write(tmp_path, {"renewal/x.email.de.html": EMAIL, "renewal/x.email.de.txt": "a\n{{ nmae }}"})
    fault = r"^renewal/x\.email\.de\.txt, line 2: 'nmae' is undefined$"
    with pytest.raises(TemplateError, match=fault):
        rendered(tmp_path)


# ---- what Jinja would lose ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "outside",
    [
        "Hello",
        "{{ nothing_to_say() }}",
        "{% if not cart.items %}{{ nothing_to_say() }}{% endif %}",
        "{% for x in [1] %}x{% endfor %}",
        '{% include "layout/footer.en.html" %}',
    ],
)
def test_words_outside_the_blocks_of_an_email_are_a_fault(tmp_path: Path, outside: str) -> None:
    write(tmp_path, {"renewal/x.email.de.html": EMAIL + outside})
    fault = r"^renewal/x\.email\.de\.html, line 4: stands outside the blocks of a template"
    with pytest.raises(TemplateError, match=fault):
        rendered(tmp_path)


@pytest.mark.parametrize(
    "harmless",
    [
        "{% set x = 1 %}",
        "{% set x %}words{% endset %}",
        "{% macro x() %}words{% endmacro %}",
        "{# a comment #}\n\n",
        "{% if 1 %}{% set x = 2 %}{% endif %}",
    ],
)
def test_tags_that_show_nothing_may_stand_outside_blocks(tmp_path: Path, harmless: str) -> None:
    write(tmp_path, {"renewal/x.email.de.html": EMAIL + harmless})
    assert "Hallo Ada" in rendered(tmp_path).text


def test_a_block_that_the_layout_does_not_know_is_named_with_the_nearest(tmp_path: Path) -> None:
    extra = "{% block foooter %}x{% endblock %}"
    write(tmp_path, {"renewal/x.email.de.html": EMAIL + extra})
    fault = r'^renewal/x\.email\.de\.html: no block "foooter": did you mean "footer"\?$'
    with pytest.raises(TemplateError, match=fault):
        rendered(tmp_path)


def test_an_email_without_a_subject_or_body_is_a_fault(tmp_path: Path) -> None:
    for block in ("subject", "body"):
        write(tmp_path, {"renewal/x.email.de.html": EMAIL.replace(block, "preheader")})
        fault = rf'^renewal/x\.email\.de\.html: its block "{block}" says nothing$'
        with pytest.raises(TemplateError, match=fault):
            rendered(tmp_path)


# ---- languages -------------------------------------------------------------------------------


@pytest.mark.parametrize("message_class", MessageClass)
@pytest.mark.parametrize("locale", ["de-AT", "fr", "", "it-IT"])
def test_a_project_in_a_language_that_the_engine_lacks_can_write(
    tmp_path: Path, locale: str, message_class: MessageClass
) -> None:
    write(tmp_path, {"renewal/x.email.de.html": EMAIL})
    content = rendered(tmp_path, locale=locale, message_class=message_class)
    assert content.locale == "de"
    assert '<html lang="de"' in content.html
    assert content.text.endswith("\n\nTern & Oak, 12 Harbour Lane, Bristol\n")
    assert ("/u/" in content.text) is (message_class is MessageClass.PROMOTIONAL)


def test_one_file_gives_the_layout_its_words_in_another_language(tmp_path: Path) -> None:
    footer = "<p>Sie wollten von uns hören: {{ links.unsubscribe }}</p>"
    write(tmp_path, {"renewal/x.email.de.html": EMAIL, "layout/footer.de.html": footer})
    assert "--\nSie wollten von uns hören: https://" in rendered(tmp_path).text


def test_the_first_declared_language_stands_in_for_the_customers(tmp_path: Path) -> None:
    files = {f"renewal/x.email.{lang}.html": EMAIL for lang in ("de", "fr", "es-419")}
    write(tmp_path, files)
    assert rendered(tmp_path, locale="ja", languages=("nl", "fr", "de")).locale == "fr"
    assert rendered(tmp_path, locale="ja", languages=("de", "fr")).locale == "de"
    assert rendered(tmp_path, locale="es-MX").locale == "es-419", "a file that none declared"
    with pytest.raises(TemplateError, match=r"not there as \.html or \.mjml in ja or en or nl"):
        rendered(tmp_path, locale="ja", languages=("nl",))


def test_missing_files_are_listed_for_declared_languages_alone(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "renewal/x.email.de.html": EMAIL,
            "renewal/x.email.de.ics": "",
            "renewal/x.email.fr.html": EMAIL,
            "renewal/x.sms.de.txt": SMS,
            "renewal/y.email.de.mjml": EMAIL,
            "renewal/y.email.fr.txt": "the text part of nothing",
        },
    )
    messages = [
        ("renewal", "x", Channel.EMAIL),
        ("renewal", "x", Channel.SMS),
        ("renewal", "y", Channel.EMAIL),
    ]
    assert missing(messages, ["de"], [tmp_path]) == []
    assert missing(messages, ["de", "fr"], [tmp_path]) == [
        "renewal/x.email.fr.ics",
        "renewal/x.sms.fr.txt",
        "renewal/y.email.fr.html",
    ]
    assert missing(messages[1:2], ["it"], [tmp_path]) == ["renewal/x.sms.it.txt"]


# ---- customers' pages ------------------------------------------------------------------------


def page(pages: Pages, locale: str) -> str:
    answer = pages.answer("stayed", locale=locale, topic="cart", channel="sms")
    return bytes(answer.body).decode()


def test_a_page_in_another_language_is_one_file(tmp_path: Path) -> None:
    german = '{% extends "layout.html" %}{% block title %}Es bleibt dabei{% endblock %}'
    write(tmp_path, {"pages/stayed.de.html": german})
    pages = Pages(SHOP, [tmp_path], ["de"])
    assert "<h1>Es bleibt dabei</h1>" in page(pages, "de-AT")
    assert "<h1>Es bleibt dabei</h1>" not in page(pages, "it")


def test_a_page_that_is_missing_in_a_language_is_shown_in_the_next() -> None:
    polish = Pages(SHOP.model_copy(update={"locale": "pl"}), (), ["de"])
    assert '<html lang="pl">' in page(polish, "de")
    assert '<html lang="en">' in page(Pages(SHOP), "de")


def test_a_project_names_its_topics_and_changes_the_pages_style(tmp_path: Path) -> None:
    names = '{% set topics = {"cart": "Basket"} %}'
    write(tmp_path, {"pages/names.en.html": names, "pages/style.css": "p { color: red; }"})
    html = page(Pages(SHOP, [tmp_path]), "en")
    assert "<dd>Basket</dd>" in html
    assert "<dd>Text message</dd>" in html
    assert "p { color: red; }" in html


def test_the_file_of_topics_outweighs_what_pages_call_them(tmp_path: Path) -> None:
    topics = read_topics({"cart": {"name": {"en": "Trolley", "it": "Carrello"}}})
    write(tmp_path, {"pages/names.en.html": '{% set topics = {"cart": "Basket"} %}'})
    pages = Pages(SHOP, [tmp_path], ["en", "it"], topics)
    assert "<dd>Trolley</dd>" in page(pages, "en-GB")
    assert "<dd>Carrello</dd>" in page(pages, "it")
    assert "<dd>Trolley</dd>" in page(pages, "pl"), "it has no Polish name"


def test_every_page_ships_in_the_language_of_last_resort() -> None:
    names = {path.name.split(".")[0] for path in (ENGINE / "pages").glob("*.*.html")}
    assert all((ENGINE / "pages" / f"{name}.en.html").is_file() for name in names)


def test_a_declared_language_lacks_our_own_words_until_the_project_writes_them(
    tmp_path: Path,
) -> None:
    assert missing_templates(PROJECT) == []
    german = replace(PROJECT, languages=("en", "de"), templates=(tmp_path,))
    ours = {"layout/footer.de.html", "pages/unsubscribe.de.html", "answers/stop.de.txt"}
    assert ours < {*missing_templates(german)}
    write(tmp_path, dict.fromkeys(ours, "geschrieben"))
    assert not ours & {*missing_templates(german)}
    assert missing_templates(replace(german, journeys=Journeys())) == []
