"""A variable that begins with SOJOURN_ and that nobody reads is refused, with its nearest name."""

import sys
import types
from pathlib import Path

import pytest
from pydantic_settings import SettingsConfigDict

from sojourn.channels import ProviderConfig
from sojourn.channels.outbox import Outbox
from sojourn.channels.registry import Carriers
from sojourn.channels.variables import check_variables, names_of
from sojourn.composing import settings_of
from sojourn.domain.errors import BadSetting
from sojourn.domain.messages import Channel
from sojourn.project import Project
from sojourn.serving.command import main as worker
from sojourn.settings import Settings


def refused(environment: dict[str, str], carriers: Carriers | None = None, *sources: str) -> str:
    with pytest.raises(BadSetting) as fault:
        check_variables(environment, carriers or Carriers(), sources)
    assert "\n" not in str(fault.value)
    return str(fault.value)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SOJOURN_EMAIL_PROVIDR", "SOJOURN_EMAIL_PROVIDER"),
        ("SOJOURN_EMAILPROVIDER", "SOJOURN_EMAIL_PROVIDER"),
        ("SOJOURN_DATABASE_URI", "SOJOURN_DATABASE_URL"),
        ("SOJOURN_SECRETKEY", "SOJOURN_SECRET_KEY"),
        ("SOJOURN_QUIETHOURS", "SOJOURN_QUIET_HOURS"),
        ("SOJOURN_POSTMRK_TOKEN", "SOJOURN_POSTMARK_TOKEN"),
        ("SOJOURN_POSTMARK_TOKN", "SOJOURN_POSTMARK_TOKEN"),
        ("SOJOURN_TWILIO_ACCOUNT_ID", "SOJOURN_TWILIO_ACCOUNT_SID"),
        ("SOJOURN_PROJEKT", "SOJOURN_PROJECT"),
        ("sojourn_email_providr", "SOJOURN_EMAIL_PROVIDER"),
    ],
)
def test_a_misspelt_variable_is_refused_with_its_nearest_name(name: str, nearest: str) -> None:
    said = refused({name: "x", "PATH": "/bin", "SOJOURNER": "a rover"})
    assert said == f"{name}: no such setting, did you mean {nearest}?"


def test_all_of_them_are_named_at_once() -> None:
    said = refused({"SOJOURN_EMAIL_PROVIDR": "", "SOJOURN_PURPLE": "1"})
    assert "SOJOURN_EMAIL_PROVIDER?" in said
    assert "SOJOURN_PURPLE: no such setting; docs/settings.md" in said


def test_every_variable_of_the_installation_and_of_every_provider_is_known() -> None:
    carriers = Carriers()
    known = {f"SOJOURN_{name.upper()}" for name in Settings.model_fields} | {"SOJOURN_PROJECT"}
    for provider in carriers.shipped.values():
        known |= names_of(provider) or set()
    assert {"SOJOURN_SMTP_HOST", "SOJOURN_SES_TOPIC_ARN", "SOJOURN_SES_TIMEOUT_SECONDS"} <= known
    check_variables(dict.fromkeys(known, "x"), carriers)
    check_variables({"sojourn_smtp_host": "as pydantic reads it"}, carriers)


def test_providers_that_read_no_settings_have_none() -> None:
    assert names_of(Outbox) is None
    assert "did you mean" in refused({"SOJOURN_OUTBOX_PROVIDER": "x"})


def module(name: str, **content: object) -> types.ModuleType:
    made = types.ModuleType(name)
    for what, value in content.items():
        if isinstance(value, type):
            value.__module__ = name
        setattr(made, what, value)
    return made


def test_a_projects_own_provider_has_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    class Config(ProviderConfig):
        model_config = SettingsConfigDict(env_prefix="SOJOURN_PIGEON_")
        api_key: str

    class Pigeon:
        name = "pigeon"
        channels = frozenset({Channel.SMS})

    own = module("own_pigeon", Config=Config, Pigeon=Pigeon)
    monkeypatch.setitem(sys.modules, "own_pigeon", own)
    carriers = Carriers([own])
    check_variables({"SOJOURN_PIGEON_API_KEY": "k"}, carriers)
    check_variables({"SOJOURN_PIGEON_TIMEOUT_SECONDS": "3"}, carriers)
    said = refused({"SOJOURN_PIGEON_APIKEY": "k"}, carriers)
    assert said.endswith("did you mean SOJOURN_PIGEON_API_KEY?")


def test_what_nobody_can_ask_for_its_settings_may_have_any_with_its_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Dove:
        name = "grey-dove"
        channels = frozenset({Channel.SMS})

    own = module("own_dove", Dove=Dove)
    monkeypatch.setitem(sys.modules, "own_dove", own)
    check_variables({"SOJOURN_GREY_DOVE_ANYTHING": "k"}, Carriers([own]))
    check_variables({"SOJOURN_DESK_SECRET": "k"}, Carriers(), ["desk"])
    check_variables({"SOJOURN_DESK_SECRET": "k", "SOJOURN_SOURCES": "till, desk"}, Carriers())
    refused({"SOJOURN_DESK_SECRET": "k"})


def test_a_secret_that_a_mapping_file_names_is_known(tmp_path: Path) -> None:
    (tmp_path / "bookings.toml").write_text('secret = "SOJOURN_BOOKINGS_SECRET"')
    (tmp_path / "broken.toml").write_text("no = toml = at all")
    given = {"SOJOURN_BOOKINGS_SECRET": "whsec_x", "SOJOURN_WEBHOOKS": str(tmp_path)}
    check_variables(given, Carriers())
    refused({"SOJOURN_BOOKINGS_SECRET": "whsec_x"})


def test_a_renamed_variable_is_named_with_its_new_name() -> None:
    renamed = {"SOJOURN_MAILER": "SOJOURN_EMAIL_PROVIDER"}
    with pytest.raises(BadSetting) as fault:
        check_variables({"SOJOURN_MAILER": "smtp"}, Carriers(), renamed=renamed)
    assert str(fault.value) == "SOJOURN_MAILER is called SOJOURN_EMAIL_PROVIDER now: rename it"


def test_settings_are_not_read_with_such_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_EMAIL_PROVIDR", "sendgrid")
    with pytest.raises(BadSetting, match="SOJOURN_EMAIL_PROVIDER"):
        settings_of(Project())


def test_a_worker_does_not_start_with_such_a_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOJOURN_EMAIL_PROVIDR", "sendgrid")
    assert worker([]) == 2
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "worker: SOJOURN_EMAIL_PROVIDR: no such setting, did you mean SOJOURN_EMAIL_PROVIDER?"
    ]


def test_providers_are_not_loaded_for_the_installations_own_variables() -> None:
    class Untouched(Carriers):
        @property
        def loaded(self) -> dict[str, type]:
            raise AssertionError

    check_variables({"SOJOURN_HOME": "x", "SOJOURN_EMAIL_PROVIDER": "smtp"}, Untouched())
