"""The project of a firm that we do not know."""

from dataclasses import replace
from pathlib import Path

from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from tests.support.project import WHOLE

_WORDS = {
    "email": (
        "html",
        '{{% extends "layout/email.html" %}}\n'
        "{{% block subject %}}{0}{{% endblock %}}\n{{% block body %}}<p>{0}</p>{{% endblock %}}\n",
    ),
    "sms": ("txt", "{{% block text %}}{{{{ shop.name }}}}: {0}{{% endblock %}}\n"),
    "push": (
        "txt",
        "{{% block title %}}{0}{{% endblock %}}\n{{% block body %}}{0}{{% endblock %}}\n"
        "{{% block url %}}{{{{ links.account }}}}{{% endblock %}}\n",
    ),
}


def project_of(journey: type[Journey], templates: Path) -> Project:
    """Return a project with one journey, and write a template for each message, in English."""
    for message in journey.messages:
        for channel in message.channels:
            ending, words = _WORDS[channel]
            file = templates / journey.name / f"{message.words}.{channel}.en.{ending}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(words.format(message.words))
    folders = (templates, *WHOLE.templates)
    return replace(WHOLE, policy=None, journeys=Journeys([journey]), templates=folders)
