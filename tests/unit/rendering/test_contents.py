"""Each channel's demands on a message: lengths, files, keys, approved templates."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sojourn.domain.content import Content, Wanted
from sojourn.domain.errors import TemplateError
from sojourn.domain.events import Event
from sojourn.domain.messages import Channel
from sojourn.rendering.folders import KINDS
from sojourn.rendering.render import Renderer
from sojourn.rendering.words import file_name
from tests.unit.rendering.test_templates import (
    ADA,
    LANGUAGES,
    RENDERER,
    SECRET,
    SHOP,
    about,
    added,
    shelf,
)

EMAIL = {"subject": "Your invoice", "body": "<p>Here it is.</p>"}
PUSH = {"title": "Two left", "body": "Hurry", "url": "https://shop.example/cart"}
Render = Callable[..., Content]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """Render blocks by a channel; further files by their ending."""

    def rendered(channel: Channel, blocks: dict[str, str], **files: str) -> Content:
        said = "".join(f"{{% block {n} %}}\n{t}\n{{% endblock %}}\n" for n, t in blocks.items())
        stem = f"renewal/x.{channel}.en"
        texts = {KINDS[channel][0]: said, **files}
        renderer = shelf(tmp_path, {f"{stem}.{kind}": text for kind, text in texts.items()})
        return renderer.render(about("renewal", "x"), channel)

    return rendered


def test_a_block_that_the_channel_does_not_know_is_named_with_the_nearest(render: Render) -> None:
    with pytest.raises(TemplateError, match=r'no block "imgae": did you mean "image"\?$'):
        render(Channel.PUSH, {**PUSH, "imgae": "https://shop.example/cup.png"})
    with pytest.raises(
        TemplateError, match=r'x\.sms\.en: no block "subject": choose one of: text$'
    ):
        render(Channel.SMS, {"subject": "s", "text": "t"})


# ---- SMS -----------------------------------------------------------------------------------


def test_an_sms_is_counted_after_it_was_cleaned(render: Render) -> None:
    assert render(Channel.SMS, {"text": "a" * 160 + "   "}).segments == 1
    assert render(Channel.SMS, {"text": "{{ 12.5 | money('PLN') }}"}).segments == 1
    assert render(Channel.SMS, {"text": "ż" * 71}).segments == 2


@pytest.mark.parametrize(("most", "letters"), [(1, 160), (2, 306), (4, 612), (10, 1530)])
def test_a_longer_sms_than_is_allowed_is_a_fault(tmp_path: Path, most: int, letters: int) -> None:
    names = {"most": "a" * letters, "more": "a" * (letters + 1)}
    shelf(
        tmp_path,
        {
            f"renewal/{name}.sms.en.txt": f"{{% block text %}}{text}{{% endblock %}}"
            for name, text in names.items()
        },
    )
    settings = SHOP.model_copy(update={"sms_max_segments": most})
    renderer = Renderer(settings, SECRET, [tmp_path])
    assert renderer.render(about("renewal", "most"), Channel.SMS).segments == most
    with pytest.raises(TemplateError) as caught:
        renderer.render(about("renewal", "more"), Channel.SMS)
    assert str(caught.value) == (
        f"renewal/more.sms.en: {most + 1} segments, GSM-7, "
        f"and SOJOURN_SMS_MAX_SEGMENTS allows {most}"
    )


# ---- e-mail's calendar file ----------------------------------------------------------------


def calendar(content: Content) -> str:
    (attachment,) = content.attachments
    assert attachment.name == "event.ics"
    assert attachment.media_type == "text/calendar; charset=utf-8; method=PUBLISH"
    return base64.b64decode(attachment.data).decode()


@pytest.mark.parametrize(
    ("lang", "summary", "renew"),
    [
        ("en", "Your subscription with Tern & Oak ends", "Renew with one click"),
        ("it", "Il tuo abbonamento su Tern & Oak scade", "Rinnova con un clic"),
        ("pl", "Subskrypcja w sklepie Tern & Oak wygasa", "Przedłuż jednym kliknięciem"),
    ],
)
def test_the_last_day_of_a_subscription_comes_as_a_calendar_entry(
    lang: str, summary: str, renew: str
) -> None:
    context = about("renewal", "today", customer=replace(ADA, locale=lang))
    content = RENDERER.render(context, Channel.EMAIL)
    sent = calendar(content)
    assert all(len(line.encode()) <= 75 for line in sent.split("\r\n"))
    assert sent.count("\n") == sent.count("\r\n")
    lines = sent.replace("\r\n ", "").removesuffix("\r\n").split("\r\n")
    (link,) = re.findall(r"https://mail\.shop\.example/r/[\w.-]+", content.text)
    assert lines == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Sojourn//renewal//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        "UID:renewal/sub_9/20260313@https://shop.example",
        "DTSTAMP:20260305T093000Z",
        "DTSTART;VALUE=DATE:20260313",
        f"SUMMARY;LANGUAGE={lang}:{summary}",
        f"DESCRIPTION:{renew}: {link}",
        f"URL:{link}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ], "23:30 UTC is the next day in Warsaw"


EVENT = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y//EN\nMETHOD:PUBLISH\n{}\nEND:VCALENDAR\n"


def ics(render: Render, text: str) -> Content:
    return render(Channel.EMAIL, EMAIL, ics=text)


def test_values_of_a_calendar_file_are_escaped(render: Render) -> None:
    line = "X:{{ 'a; b, c' | ics }} {{ now | ics }} {{ now | ics('day') }} {{ 'é' * 80 }}"
    sent = calendar(ics(render, EVENT.format(f"   {line}\n\n")))
    assert sent.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert "\r\nX:a\\; b\\, c 20260305T093000Z " in sent
    assert sent.endswith("\r\nEND:VCALENDAR\r\n")
    assert f"20260305 {'é' * 80}\r\n" in sent.replace("\r\n ", "")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("none | ics", "ics: wants a text, a moment or a day, not none"),
        ("7 | ics", "ics: wants a text, a moment or a day, not int"),
        ("'x' | ics('day')", "ics: wants a moment or a day, not str"),
        ("now | ics('week')", 'ics: the only style is "day"'),
        ("nobody | ics", "'nobody' is undefined"),
    ],
)
def test_a_value_that_calendar_files_cannot_hold_is_a_fault(
    render: Render, value: str, reason: str
) -> None:
    with pytest.raises(TemplateError, match=rf"^renewal/x\.email\.en\.ics, line 5: {reason}"):
        ics(render, EVENT.format(f"X:{{{{ {value} }}}}"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("BEGIN:VEVENT\nMETHOD:PUBLISH\nEND:VCALENDAR", "its .ics must begin with BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR", "its .ics is not a calendar"),
        ("BEGIN:VCALENDAR\nMETHOD:PUBLISH\n", "its .ics is not a calendar"),
        (EVENT.format("Ada Lovelace"), "its .ics is not a calendar"),
        ("BEGIN:VEVENT\nEND:VEVENT", "its .ics must begin with BEGIN:VCALENDAR"),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR", "its .ics lacks METHOD:PUBLISH or METHOD:CANCEL"),
        (
            EVENT.format("X:y").replace("PRODID:-//x//y//EN\n", ""),
            "its .ics: VCALENDAR lacks PRODID",
        ),
        (EVENT.format("BEGIN:VEVENT\nUID:1\nEND:VEVENT"), "its .ics: VEVENT lacks DTSTAMP"),
        (
            EVENT.format("BEGIN:VEVENT\nUID:1\nDTSTAMP:20260305T093000Z\nEND:VEVENT").replace(
                "METHOD:PUBLISH", "METHOD:CANCEL"
            ),
            "its .ics: VEVENT lacks ORGANIZER",
        ),
        (
            EVENT.format("BEGIN:VEVENT\nUID:1\nDTSTART:tomorrow\nEND:VEVENT"),
            "its .ics: DTSTART of VEVENT is not valid",
        ),
        (
            EVENT.format("BEGIN:VEVENT\nAda Lovelace\nEND:VEVENT"),
            "its .ics: a line of VEVENT is not valid",
        ),
    ],
)
def test_a_calendar_file_that_others_cannot_read_is_a_fault(
    render: Render, text: str, reason: str
) -> None:
    with pytest.raises(TemplateError) as caught:
        ics(render, text)
    assert str(caught.value) == f"renewal/x.email.en.ics: {reason}"


def test_a_calendar_file_that_says_nothing_is_left_out(render: Render) -> None:
    assert ics(render, "{% if false %}\nBEGIN:VCALENDAR\n{% endif %}\n").attachments == ()


def test_a_language_without_its_calendar_file_is_not_used(tmp_path: Path) -> None:
    blocks = "".join(f"{{% block {n} %}}{t}{{% endblock %}}" for n, t in EMAIL.items())
    files = {f"renewal/x.email.{lang}.html": blocks for lang in LANGUAGES}
    renderer = shelf(tmp_path, files | {"renewal/x.email.en.ics": EVENT.format("X:y")})
    context = about("renewal", "x", customer=replace(ADA, locale="it"))
    assert renderer.render(context, Channel.EMAIL).locale == "en"


# ---- e-mail's files ------------------------------------------------------------------------


def attached(render: Render, *calls: str) -> Content:
    lines = "\n".join(f"{{{{ attach({call}) }}}}" for call in calls)
    return render(Channel.EMAIL, {**EMAIL, "attachments": lines})


def test_a_template_asks_for_files_and_fetches_none(render: Render) -> None:
    content = attached(
        render,
        "shop.url ~ '/invoices/7.pdf', name='invoice.pdf'",
        "'/terms%20of%20sale.pdf?v=2'",
        "'https://files.example/'",
        "shop.url ~ '/invoices/7.pdf', name='invoice.pdf'",
    )
    assert content.files == (
        Wanted("invoice.pdf", "https://shop.example/invoices/7.pdf"),
        Wanted("terms of sale.pdf", "https://shop.example/terms%20of%20sale.pdf?v=2"),
        Wanted("file", "https://files.example/"),
    )
    assert content.attachments == ()
    assert content.filled()["files"][0]["name"] == "invoice.pdf"


def test_wanted_files_are_read_back_from_the_archive(render: Render) -> None:
    content = attached(render, "'/7.pdf'")
    assert content.files
    assert Content.kept(content.filled()) == content


@pytest.mark.parametrize("call", ["none", "''", "'javascript:alert(1)'", "'https://['"])
def test_attaching_without_an_address_is_a_fault(render: Render, call: str) -> None:
    with pytest.raises(TemplateError, match="attach: wants the address of a file on the web"):
        attached(render, call)


def test_a_file_attached_to_an_sms_is_a_fault(render: Render) -> None:
    with pytest.raises(TemplateError, match="only an e-mail takes files along, not sms"):
        render(Channel.SMS, {"text": "x {{ attach('/7.pdf') }}"})


def test_words_among_the_files_are_a_fault(render: Render) -> None:
    with pytest.raises(TemplateError, match=r'its block "attachments" may only call attach\(\)'):
        render(Channel.EMAIL, {**EMAIL, "attachments": "/7.pdf"})


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/invoice 7.pdf", "invoice 7.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\new\\a.pdf", "a.pdf"),
        ('a\r\nb"<c>.pdf', "a b c .pdf"),
        (".bashrc", "bashrc"),
        ("...", "file"),
        ("", "file"),
        ("fdp\u202e.exe", "fdp .exe"),
        ("x" * 200 + ".pdf", "x" * 96 + ".pdf"),
        ("x" * 200, "x" * 100),
    ],
)
def test_a_files_name_is_cleaned(path: str, name: str) -> None:
    assert file_name(path) == name


@given(st.text())
@example("a." + "b" * 300)
@example("/" * 9)
def test_a_files_name_is_valid_on_every_system(path: str) -> None:
    name = file_name(path)
    assert 1 <= len(name) <= 100
    assert name.isprintable() or not name.isascii()
    assert not set(name) & set('\\/:*?"<>|\r\n\0')


# ---- push ----------------------------------------------------------------------------------


def test_a_newer_push_of_a_run_takes_the_place_of_the_older() -> None:
    def key(*events: Event, **changes: Any) -> str:
        context = about("abandoned-cart", "nudge", *events, **changes)
        return RENDERER.render(context, Channel.PUSH).collapse_key

    assert re.fullmatch(r"abandoned-cart-[0-9a-f]{16}", key())
    assert key() == key(added(), message_id="run/e_1/9-other")
    assert key() != key(added(cart_id="cart 8"))


def test_a_very_long_journeys_key_still_fits(tmp_path: Path) -> None:
    blocks = "".join(f"{{% block {n} %}}{t}{{% endblock %}}" for n, t in PUSH.items())
    name = "a-journey-" * 9
    renderer = shelf(tmp_path, {f"{name}/x.push.en.txt": blocks})
    found = renderer.render(replace(about("renewal", "x"), journey=name), Channel.PUSH)
    assert len(found.collapse_key) == 64


def test_a_push_may_name_its_key_and_a_picture(render: Render) -> None:
    content = render(Channel.PUSH, {**PUSH, "image": "/cup.png", "collapse_key": "cart {{ 7 }}"})
    assert content.image == "https://shop.example/cup.png"
    assert content.collapse_key == "cart 7"
    bare = render(Channel.PUSH, PUSH)
    assert bare.image == ""


def test_a_picture_that_is_not_there_is_none(render: Render) -> None:
    assert render(Channel.PUSH, {**PUSH, "image": "{{ '' }}"}).image == ""


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ({"image": "javascript:alert(1)"}, 'its block "image" is not an address on the web'),
        ({"collapse_key": "k" * 65}, "at most 64 characters of ASCII"),
        ({"collapse_key": "żółw"}, "at most 64 characters of ASCII"),
        ({"body": "ż" * 2040}, r"\d{4} bytes, and a notification has at most 4096"),
    ],
)
def test_a_push_that_no_provider_takes_is_a_fault(
    render: Render, blocks: dict[str, str], reason: str
) -> None:
    with pytest.raises(TemplateError, match=rf"^renewal/x\.push\.en: .*{reason}"):
        render(Channel.PUSH, {**PUSH, **blocks})


def test_a_push_is_measured_in_bytes(render: Render) -> None:
    assert render(Channel.PUSH, {**PUSH, "body": "ż" * 1900}).body
    assert render(Channel.PUSH, {**PUSH, "body": "z" * 3800}).body


# ---- WhatsApp ------------------------------------------------------------------------------


def whatsapp(render: Render, **blocks: str) -> Content:
    return render(Channel.WHATSAPP, blocks)


def test_an_approved_template_comes_with_its_variables_and_free_words(render: Render) -> None:
    content = whatsapp(
        render,
        approved="help_v2",
        variables="{{ customer.first_name }}\n{{ 'a\tb    c' }}",
        text="Hi,\n\n\n  can we help?",
    )
    assert content.approved == "help_v2"
    assert content.variables == ("Ada", "a b c"), "Meta refuses tabs and runs of spaces"
    assert content.text == "Hi,\n\n  can we help?"
    free = content.free()
    assert (free.approved, free.variables, free.text) == ("", (), content.text)


def test_an_approved_template_without_text_is_sent_within_24_hours_too(render: Render) -> None:
    content = whatsapp(render, approved="HX0123456789abcdef0123456789abcdef")
    assert content.free() is content
    assert (content.text, content.variables) == ("", ())


def test_a_whatsapp_message_of_text_alone_is_free_text(render: Render) -> None:
    content = whatsapp(render, text="Hi")
    assert (content.approved, content.text) == ("", "Hi")
    assert content.free() == content


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ({}, "it lacks {% block approved %} or {% block text %}"),
        ({"text": "", "approved": " "}, "it lacks {% block approved %} or {% block text %}"),
        ({"text": "x", "variables": "a"}, "variables fill an approved template"),
        ({"approved": "Help"}, 'its block "approved" is not the name of a template'),
        ({"approved": "help-v2"}, 'its block "approved" is not the name of a template'),
        ({"approved": "h" * 513}, 'its block "approved" is not the name of a template'),
        ({"approved": "help", "variables": "{{ '' }}\nb"}, "variable 1 says nothing"),
        ({"approved": "help", "variables": "a\n\nb"}, "variable 2 says nothing"),
        ({"approved": "help", "variables": "a\n  \t"}, "variable 2 says nothing"),
        ({"text": "x" * 4097}, "4097 characters, and WhatsApp takes at most 4096"),
    ],
)
def test_a_message_that_whatsapp_refuses_is_a_fault(
    render: Render, blocks: dict[str, str], reason: str
) -> None:
    with pytest.raises(TemplateError, match="^" + re.escape(f"renewal/x.whatsapp.en: {reason}")):
        whatsapp(render, **blocks)


@pytest.mark.parametrize("name", ["h" * 512, "a_1"])
def test_an_approved_templates_longest_and_shortest_names_are_taken(
    render: Render, name: str
) -> None:
    assert whatsapp(render, approved=name).approved == name


def test_a_whatsapp_text_may_have_4096_characters(render: Render) -> None:
    assert len(whatsapp(render, text="x" * 4096).text) == 4096


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("first_name", ["Ada", ""])
def test_the_shipped_example_has_three_variables(lang: str, first_name: str) -> None:
    customer = replace(ADA, locale=lang, first_name=first_name)
    content = RENDERER.render(about("onboarding", "help", customer=customer), Channel.WHATSAPP)
    assert content.approved == "onboarding_help"
    greeting, shop, link = content.variables
    assert greeting
    assert (shop, link) == ("Tern & Oak", "https://shop.example/help")
    assert "https://shop.example/help" in content.text
    assert ("Ada" in content.text) is bool(first_name)
