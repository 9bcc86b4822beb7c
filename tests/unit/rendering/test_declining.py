"""A template declines by the lines that decide, wherever they are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sojourn.domain.errors import NothingToSay, TemplateError
from sojourn.domain.messages import Channel
from sojourn.rendering.render import Renderer
from tests.unit.rendering.test_templates import ADA, about, shelf

NO = '{{ nothing_to_say("it is off") }}'
IF_OFF = f"{{% if given.off %}}{NO}{{% endif %}}"
LAYOUT = '{% extends "layout/email.html" %}'
REST = """\
{% block subject %}Hello{% endblock %}
{% block body %}<p>Hi {{ given.name }}</p>{% endblock %}
"""
FILE = "abandoned-cart/x.email.en.html"
MACRO = f"{{% macro look() %}}{IF_OFF}{{% endmacro %}}"
IN = "abandoned-cart/_in.html"


def page(*, above: str = "", first: str = "") -> str:
    """Return a template.

    Args:
        above: what stands above the layout.
        first: what the body says first.
    """
    return f"{above}\n{LAYOUT}\n{REST.replace('<p>', f'{first}<p>')}"


ABOVE = {
    "a line": {FILE: page(above=IF_OFF)},
    "a name that is set": {
        FILE: page(
            above="{% set off = given.off %}{% set x = 1 %}" + IF_OFF.replace("given.off", "off")
        )
    },
    "a loop": {FILE: page(above=f"{{% for one in given.all if one %}}{NO}{{% endfor %}}")},
    "an amount": {FILE: page(above=IF_OFF.replace("given.off", '9 | money("EUR") == given.price'))},
    "no layout": {
        FILE: f"{IF_OFF}<p>{{% block subject %}}Hi{{% endblock %}}{{{{ given.name }}}}</p>"
    },
    "an imported name": {
        FILE: page(
            above=f'{{% from "{IN}" import is_off with context %}}'
            + IF_OFF.replace("given.off", 'is_off() == "yes"')
        ),
        IN: "{% macro is_off() %}{% if given.off %}yes{% endif %}{% endmacro %}",
    },
}
ANYWHERE = {
    "a block": {FILE: page(first=IF_OFF)},
    "an included file": {FILE: page(first=f'{{% include "{IN}" %}}'), IN: IF_OFF},
    "a file that is included by that one": {
        FILE: page(first=f'{{% include "{IN}" %}}'),
        IN: '{% include "abandoned-cart/_more.html" %}',
        "abandoned-cart/_more.html": IF_OFF,
    },
    "the footer of the language": {FILE: page(), "layout/footer.en.html": IF_OFF},
    "a file that a value names": {FILE: page(first="{% include given.file %}"), IN: IF_OFF},
    "a macro": {FILE: page(above=MACRO, first="{{ look() }}")},
    "a macro of another file": {
        FILE: page(above=f'{{% from "{IN}" import look with context %}}', first="{{ look() }}"),
        IN: MACRO,
    },
    "a word that is kept": {
        FILE: page(
            above="{% set no = nothing_to_say %}",
            first=IF_OFF.replace("nothing_to_say", "no"),
        )
    },
    "a block within a line": {
        FILE: f"{{% if given.all %}}{{% block subject %}}{IF_OFF}Hi{{% endblock %}}{{% endif %}}"
    },
}
SAYS = {"off": False, "all": [0], "price": "", "name": "Ada", "file": "abandoned-cart/_in.html"}
OFF = {"off": True, "all": [1], "price": "€9.00"}


def refusal(renderer: Renderer, **given: Any) -> NothingToSay | None:
    context = about("abandoned-cart", "x", given={**SAYS, **given})
    return renderer.refusal(context, Channel.EMAIL)


@pytest.mark.parametrize("files", [*ABOVE.values(), *ANYWHERE.values()], ids=[*ABOVE, *ANYWHERE])
def test_a_template_declines_wherever_it_says_so(tmp_path: Path, files: dict[str, str]) -> None:
    renderer = shelf(tmp_path, files)
    for _ in range(2):  # the first message of a file is run whole
        assert refusal(renderer) is None
        declined = refusal(renderer, **OFF)
        assert declined is not None
        assert declined.why == "it is off"


@pytest.mark.parametrize("files", ABOVE.values(), ids=ABOVE)
def test_what_stands_above_is_all_that_is_run(tmp_path: Path, files: dict[str, str]) -> None:
    renderer, missing = shelf(tmp_path, files), SAYS | {"name": None}
    del missing["name"]
    context = about("abandoned-cart", "x", given=missing)
    with pytest.raises(TemplateError, match="has no attribute 'name'"):
        renderer.refusal(context, Channel.EMAIL)  # the first is run whole, until one is right
    assert refusal(renderer) is None
    assert renderer.refusal(context, Channel.EMAIL) is None


def test_a_template_that_never_declines_is_run_whole_until_one_message_is_right(
    tmp_path: Path,
) -> None:
    renderer = shelf(tmp_path, {FILE: page()})
    broken = about("abandoned-cart", "x", given={})
    for _ in range(2):
        with pytest.raises(TemplateError, match="has no attribute 'name'"):
            renderer.refusal(broken, Channel.EMAIL)
    assert refusal(renderer) is None
    assert renderer.refusal(broken, Channel.EMAIL) is None


def test_a_fault_of_the_lines_that_decide_is_told_with_its_line(tmp_path: Path) -> None:
    above = "\n" + IF_OFF.replace("given.off", "given.off.x")
    renderer = shelf(tmp_path, {FILE: page(above=above)})
    assert refusal(renderer, off={"x": 0}) is None
    fault = r"^abandoned-cart/x\.email\.en\.html, line 2: .*has no attribute 'x'"
    with pytest.raises(TemplateError, match=fault):
        refusal(renderer, off={})


def test_a_message_that_needs_no_look_is_known_beforehand(tmp_path: Path) -> None:
    renderer = shelf(tmp_path, {FILE: page(), "abandoned-cart/y.email.en.html": page(above=IF_OFF)})
    x, y = (renderer.found("abandoned-cart", name, Channel.EMAIL, "en") for name in "xy")
    assert renderer.may_refuse(x), "nothing has been run"
    assert renderer.may_refuse(y), "nothing has been run"
    assert refusal(renderer) is None
    assert not renderer.may_refuse(x)
    assert renderer.may_refuse(y)
    with pytest.raises(TemplateError):
        renderer.found("abandoned-cart", "z", Channel.EMAIL, "en")


def test_a_language_that_comes_later_is_found(tmp_path: Path) -> None:
    renderer = shelf(tmp_path, {FILE: page()})
    ada = replace(ADA, locale="it-IT")
    context = about("abandoned-cart", "x", customer=ada, given={**SAYS, **OFF})
    assert renderer.refusal(context, Channel.EMAIL) is None
    shelf(tmp_path, {FILE.replace(".en.", ".it."): page(above=IF_OFF)})
    declined = renderer.refusal(context, Channel.EMAIL)
    assert declined is not None
    assert str(declined).startswith("abandoned-cart/x.email.it.html")
