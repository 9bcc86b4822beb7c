"""Settings: one frozen object, read from ``SOJOURN_*`` environment variables.

Temporal's own connection is not here: ``temporalio.envconfig`` reads ``TEMPORAL_*``.
"""

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sojourn.domain.calendar import zone
from sojourn.domain.errors import BadSetting
from sojourn.domain.only_to import OnlyTo, read_only_to
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.domain.public_holidays import read_place
from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.retention import read_retention, written
from sojourn.home import private_folder


def _quiet_hours(value: object) -> object:
    """Read ``21:00-09:00``; ``off`` means no quiet hours."""
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "off":
        return None
    start, dash, end = value.partition("-")
    try:
        if not dash:
            raise ValueError
        return QuietHours(time.fromisoformat(start.strip()), time.fromisoformat(end.strip()))
    except ValueError:
        raise ValueError("write it as 21:00-09:00, or off") from None


def _known_zone(value: object) -> object:
    if isinstance(value, str):
        zone(value)
    return value


_SKEW = re.compile(r"(\d{1,6})(s|m|h|)", re.ASCII)
_UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours"}
_LARGEST_SKEW = timedelta(days=1)


def _skew(value: object) -> object:
    """Read ``5m``, ``90s``, ``1h`` or a number of seconds."""
    if isinstance(value, timedelta):
        return value
    found = _SKEW.fullmatch(str(value).strip().lower())
    if found is None:
        raise ValueError("write it as 5m, 90s, 1h or a number of seconds")
    skew = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if skew > _LARGEST_SKEW:
        raise ValueError("is more than a day")
    return skew


def _every(value: object) -> object:
    """Read a span as `_skew` does; it is no shorter than a second."""
    every = _skew(value)
    if isinstance(every, timedelta) and every < timedelta(seconds=1):
        raise ValueError("is shorter than a second")
    return every


_ORIGIN = re.compile(r"[a-z][a-z\d+.-]*://([\w.-]+|\[[0-9a-f:]+\])(:\d{1,5})?", re.ASCII)


def _origins(value: object) -> object:
    """Read ``https://shop.example, https://www.shop.example``, or ``*``."""
    if not isinstance(value, str):
        return value
    origins = tuple(one.strip() for one in value.lower().split(",") if one.strip())
    # browsers send them bare: one with a path, or only a slash, would never match
    if origins != ("*",) and not all(_ORIGIN.fullmatch(one) for one in origins):
        raise ValueError("write origins as https://shop.example, separated by commas, or *")
    return origins


_ADDRESS = re.compile(r"([\w.-]+|\[[0-9a-f:]+\]):(\d{1,5})", re.ASCII | re.IGNORECASE)


def _address(value: object) -> object:
    """Read ``127.0.0.1:8081``."""
    given = str(value).strip()
    found = _ADDRESS.fullmatch(given)
    if given and (found is None or int(found[2]) > 65535):
        raise ValueError("write it as 127.0.0.1:8081, or leave it empty for none")
    return given


Rate = Annotated[
    Annotated[float, Field(ge=0.1, le=10_000)] | None, BeforeValidator(lambda given: given or None)
]
"""Messages a second; empty: no limit."""

_HOST = re.compile(r"[a-z\d]([a-z\d.-]*[a-z\d])?", re.ASCII)


def _retention(value: object) -> object:
    """Read ``contents=90, events=730``."""
    return read_retention(value) if isinstance(value, str) else value


def _hosts(value: object) -> object:
    """Read ``www.shop.example, blog.shop.example``."""
    if not isinstance(value, str):
        return value
    hosts = tuple(one.strip() for one in value.lower().split(",") if one.strip())
    if not all(_HOST.fullmatch(one) for one in hosts):
        raise ValueError("write names of hosts as www.shop.example, separated by commas")
    return hosts


def _names(value: object) -> object:
    """Read ``bookings, tickets``."""
    if not isinstance(value, str):
        return value
    return tuple(one.strip() for one in value.split(",") if one.strip())


def _places(value: object) -> object:
    """Read ``IT, DE-BY``."""
    if not isinstance(value, str):
        return value
    places = tuple(one.strip().upper() for one in value.split(",") if one.strip())
    for place in places:
        read_place(place)
    return places


def _only_to(value: object) -> object:
    return read_only_to(value) if isinstance(value, str) else value


class Approval(StrEnum):
    """The person whose approval a campaign needs before its launch."""

    OWN = "own"
    """That of the person who launches it."""
    OTHER = "other"
    """That of somebody else."""


class Opens(StrEnum):
    """The customers whose opened e-mails are measured."""

    OFF = "off"
    """None."""
    CONSENT = "consent"
    """Those who agreed to it."""
    ON = "on"
    """All but those who refused it."""

    def measures(self, said: bool | None) -> bool:
        """Tell whether a customer is measured.

        Args:
            said: the customer's word on it; None: never said.
        """
        return said is True if self is Opens.CONSENT else self is Opens.ON and said is not False


def _opens(value: object) -> object:
    """Read ``off``, ``consent`` or ``on``, also as they were written before there were three."""
    word = str(value).strip().lower()
    return {
        "true": "on",
        "1": "on",
        "yes": "on",
        "false": "off",
        "0": "off",
        "no": "off",
        "": "off",
    }.get(word, word)


class Settings(BaseSettings):
    """The choices of an installation. ``Settings()`` reads the environment, once at the start."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_", frozen=True, extra="ignore")

    home: Annotated[Path, BeforeValidator(lambda given: given or ".sojourn")] = Path(".sojourn")
    """Folder of local state: the databases of the local stack, its logs, its addresses."""

    database_url: str = ""
    """SQLAlchemy URL: ``sqlite+aiosqlite:///file`` or ``postgresql+asyncpg://user:secret@host/db``.
    Empty: a SQLite file in ``home``."""

    database_connections: Annotated[int, Field(ge=1, le=1000)] = 10
    """The most connections to PostgreSQL that a process holds."""

    only_to: Annotated[OnlyTo | None, NoDecode, BeforeValidator(_only_to)] = None
    """Addresses that this installation may write to: ``ada@shop.test``, ``@shop.test``,
    ``+393201234567``, ``+1555*``, ``push:TOKEN``, ``push:*``, separated by commas; or ``nobody``.
    Empty: everybody."""

    quiet_hours: Annotated[
        QuietHours | None, NoDecode, BeforeValidator(_quiet_hours), PlainSerializer(str)
    ] = QuietHours(time(21), time(9))
    """Hours of the customer's local day in which no promotional message leaves."""

    caps: Literal["policy", "off"] = "policy"
    """The caps of the project's ``policy.toml`` hold; ``off``: they do not."""

    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The part of all customers who get nothing promotional, so that others can be compared."""

    timezone: Annotated[str, BeforeValidator(_known_zone)] = "UTC"
    """Time zone of a customer whose profile, phone number and locale tell none."""

    clock_skew: Annotated[timedelta, BeforeValidator(_skew)] = CLOCK_SKEW
    """Tolerance for the clocks of two senders: a purchase that arrives after its cart counts even
    if it is dated this much before it."""

    delayed_starts: bool = False
    """Begin runs that start with a wait by a delayed start, which saves a timer: on Temporal's real
    servers, once every worker and gateway is of a release that knows this."""

    audiences_every: Annotated[timedelta, BeforeValidator(_every)] = timedelta(minutes=5)
    """Time between two looks at a watched audience: its events come at most this late, plus the
    time that a look takes."""

    locale: str = "en"
    """Language of last resort."""

    email_provider: str = "outbox"
    """Provider of e-mail: ``outbox`` keeps it in the store; ``smtp``, ``postmark`` and so on send
    it. Each provider has settings of its own."""

    sms_provider: str = "outbox"
    whatsapp_provider: str = "outbox"
    push_provider: str = "outbox"

    email_limit: Rate = None
    """The most messages a second that leave by this channel, over all workers; None: no limit."""

    sms_limit: Rate = None
    whatsapp_limit: Rate = None
    push_limit: Rate = None

    sms_max_segments: Annotated[int, Field(ge=1, le=10)] = 4
    """Segments that an SMS may have: each is billed as a message. A longer one is not sent."""

    shop_name: str = "Sojourn Shop"
    shop_url: str = "https://shop.example"
    """Address of carts, renewals and account pages; links in messages start with it."""

    shop_address: str = "1 Example Street, Example City"
    """The sender's postal address, printed under every e-mail."""

    from_email: str = "hello@shop.example"
    public_url: str = "http://localhost:8080"
    """Address at which customers reach this installation: unsubscribe links start with it."""

    track_clicks: bool = True
    """Links in e-mails that lead to the shop go by this installation, which counts the click."""

    link_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_hosts)] = ()
    """Further hosts of the shop, beside that of ``shop_url``: links to them are tracked, too."""

    utm: bool = False
    """Links in e-mails that lead to the shop get `utm_` parameters, by which web analytics tell
    journeys, campaigns and steps apart."""

    track_opens: Annotated[Opens, BeforeValidator(_opens)] = Opens.OFF
    """E-mails hold a picture that tells when they are opened: ``off``, ``consent`` (to customers
    who agreed to that, as the law of some countries asks, Italy among them) or ``on``."""

    campaign_approval: Approval = Approval.OWN
    """The approval that a campaign needs before its launch: ``own`` (of the person who launches it)
    or ``other`` (of somebody else)."""

    opt_ins_a_day: Annotated[int, Field(ge=1, le=100)] = 3
    """Messages that ask one address to confirm a consent, at most within 24 hours."""

    retention: Annotated[
        dict[str, int], NoDecode, BeforeValidator(_retention), PlainSerializer(written)
    ] = {}
    """The days after which a table gives something up; a table that is not named keeps all."""

    secret_key: SecretStr = SecretStr("")
    """Signs links and offer codes. Several, separated by commas: the first signs, and links of all
    of them hold. Empty: made once and kept in ``home``."""

    identity_secret: SecretStr = SecretStr("")
    """Secret with which the shop's server signs user ids for its pages; several, separated by
    commas, while one is exchanged. Empty: no browser may speak for a known customer."""

    shopify_secret: SecretStr = SecretStr("")
    """Secret that Shopify signs its webhooks with; several, separated by commas, while one is
    exchanged. Empty: the gateway takes none."""

    woocommerce_secret: SecretStr = SecretStr("")
    """Secret that WooCommerce signs its webhooks with, as ``shopify_secret``."""

    sources: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = ()
    """Distributed sources of webhooks (entry points ``sojourn.sources``) that are on."""

    webhooks: Annotated[Path | None, BeforeValidator(lambda given: given or None)] = None
    """Folder of ``*.toml``, each the mapping of one source of webhooks."""

    webhooks_out: str = ""
    """Addresses that are told what happens, with a name each (`domain.hooks.read_hooks`)."""

    webhooks_out_secret: SecretStr = SecretStr("")
    """Secrets that sign what they are told, ``crm=whsec_...``; two of one name while one is
    exchanged: each signs."""

    tasks_webhook: str = ""
    """Address of the helpdesk that is told of tasks; empty: none is."""

    tasks_webhook_secret: SecretStr = SecretStr("")
    """Secret that signs what the helpdesk is told, ``whsec_...``; several, separated by commas,
    while one is exchanged: each signs."""

    alerts_every: Annotated[timedelta, BeforeValidator(_every)] = timedelta(minutes=5)
    """Distance of two looks at what has fallen silent, or is more than it should be."""

    alerts_webhook: str = ""
    """Address that is told of alerts; empty: none is."""

    alerts_webhook_secret: SecretStr = SecretStr("")
    """Secret that signs what it is told, as ``tasks_webhook_secret``."""

    alerts_to: SecretStr = SecretStr("")
    """Addresses of Apprise that are told of alerts, separated by spaces: an e-mail, a chat. They
    hold passwords. Empty: none is."""

    alerts_holidays: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_places)] = ()
    """Places on whose common holidays nothing is expected: ``IT``, ``DE-BY``."""

    weekly_to: SecretStr = SecretStr("")
    """E-mail addresses of the team that get the weekly report, separated by commas. Empty: nobody
    does."""

    weekly_language: str = ""
    """Language of the weekly report: ``en``, ``it`` or ``pl``. Empty: that of ``locale``."""

    gateway_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    """Proxies of ours before the gateway, each of which adds to X-Forwarded-For: they tell from
    which network a link was followed."""

    gateway_in_work: Annotated[int, Field(ge=1, le=100_000)] = 200
    """Requests that a process of the gateway works on at one time; further ones are turned away."""

    gateway_body_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    """Seconds that a request's body may take to arrive."""

    gateway_answer_seconds: Annotated[float, Field(gt=0, le=300)] = 8
    """Seconds that the gateway works on a request before it asks the sender to come back."""

    gateway_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = ()
    """Origins of the web pages whose browsers may send calls; ``*``: any. Empty: none."""

    gateway_operations_address: Annotated[str, BeforeValidator(_address)] = "127.0.0.1:8081"
    """``host:port`` at which the gateway answers operators: readiness, metrics, the OpenAPI
    document. Empty: it answers none of it."""

    metrics_address: str = ""
    """``host:port`` at which a worker shows Prometheus metrics; empty: it shows none."""

    log_format: Literal["console", "json"] = "json"

    @cached_property
    def identity_secrets(self) -> tuple[str, ...]:
        """The secrets that may have signed a user id."""
        given = self.identity_secret.get_secret_value().split(",")
        return tuple(secret.strip() for secret in given if secret.strip())

    @cached_property
    def store_url(self) -> str:
        """The database's URL, the default filled in."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home.resolve() / 'sojourn.db'}"


SHORTEST_SECRET = 16
PUBLISHED = frozenset({"dev-only-secret-key"})
"""Secrets that this repository publishes for everybody to read."""


def signing_key(settings: Settings) -> str:
    """Return the secret that signs links and offer codes; make one in ``home`` if none is set.

    Raises:
        BadSetting: the file can be neither read nor made.
    """
    return signing_keys(settings)[0]


def signing_keys(settings: Settings) -> tuple[str, ...]:
    """Return the secrets whose links hold, the one that signs first; make one if none is set.

    A secret from before there could be several may have commas in it: the whole counts, too.

    Raises:
        BadSetting: the file can be neither read nor made.
    """
    if given := settings.secret_key.get_secret_value():
        parts = [part.strip() for part in given.split(",") if part.strip()]
        return tuple(dict.fromkeys([*parts, given]))
    return (_kept_key(settings),)


def check_secrets(settings: Settings) -> None:
    """Check that nobody can guess the secret that signs links, before anything is served.

    Raises:
        BadSetting: it is short, or one that this repository publishes.
    """
    given = settings.secret_key.get_secret_value()
    for part in (part.strip() for part in given.split(",")):
        if part in PUBLISHED:
            fault = "is the example that everybody can read"
        elif given and len(part) < SHORTEST_SECRET:
            fault = f"has a secret of fewer than {SHORTEST_SECRET} characters"
        else:
            continue
        raise BadSetting(f"SOJOURN_SECRET_KEY {fault}: make one by `openssl rand -hex 32`")


def _kept_key(settings: Settings) -> str:
    path = settings.home / "secret_key"
    try:
        private_folder(settings.home)
        if not path.exists():
            # whole or not at all: another process may be about to read it
            own = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
            own.touch(mode=0o600, exist_ok=False)
            own.write_text(secrets.token_urlsafe(32))
            with suppress(FileExistsError):  # another process was first: its key holds
                os.link(own, path)
            own.unlink()
        return path.read_text()
    except OSError as error:
        raise BadSetting(
            f"cannot keep a secret key in {path} ({error.strerror}): set SOJOURN_SECRET_KEY"
        ) from None


def load_settings(defaults: Mapping[str, Any] | None = None) -> Settings:
    """Read the environment.

    Args:
        defaults: values by the settings' names, where the environment says nothing.

    Raises:
        BadSetting: names the variable and what it takes, or the default that is not a setting.
    """
    given = defaults or {}
    for name in given:
        if name not in Settings.model_fields:
            near = get_close_matches(name, Settings.model_fields, 1)
            hint = f", did you mean {near[0]}?" if near else ""
            raise BadSetting(f"tool.sojourn.defaults.{name}: no such setting{hint}")
    said = {
        name: value for name, value in given.items() if f"SOJOURN_{name.upper()}" not in os.environ
    }
    try:
        return Settings(**said)
    except ValidationError as error:
        first = error.errors()[0]
        name = f"SOJOURN_{'_'.join(str(part) for part in first['loc']).upper()}"
        reason = first["msg"].removeprefix("Value error, ")
        raise BadSetting(f"{name}={first['input']!s}: {reason}") from None
