"""A provider's own settings: ``SOJOURN_{PROVIDER}_*``, read when the provider is chosen."""

from typing import Annotated, Any, Self

import httpx
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from sojourn.domain.errors import BadSetting


def _of_a_header(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("write it as the provider shows it: ASCII, no spaces, one line")
    return secret


Token = Annotated[SecretStr, AfterValidator(_of_a_header)]
"""A secret that stands in a header of each request."""


class Config(BaseSettings):
    """What a provider needs to know.

    A subclass names its prefix and adds fields::

        class Config(channels.config.Config):
            model_config = SettingsConfigDict(env_prefix="SOJOURN_POSTMARK_")
            token: channels.config.Token
            base_url: str = "https://api.postmarkapp.com"

    A field without a default is a credential that the provider cannot do without. One whose name
    ends in ``_url`` is an address of HTTP.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    timeout_seconds: Annotated[float, Field(gt=0, le=50)] = 10
    """How long to wait for an answer; after that a message may have been sent or not."""

    @field_validator("*")
    @classmethod
    def _urls_are_some(cls, value: Any, field: ValidationInfo) -> Any:
        """Else no message would leave, and each would wait until it is of no use."""
        if value and str(field.field_name).endswith("_url"):
            try:
                url = httpx.URL(value)
            except httpx.InvalidURL as error:
                raise ValueError(f"no address: {error}") from None
            if url.scheme not in ("http", "https") or not url.host:
                raise ValueError("write it as https://api.example.com")
        return value

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            BadSetting: names the variables that are missing, or the one that makes no sense.
        """
        try:
            return cls()
        except ValidationError as error:
            raise _fault(cls, error) from None


def _fault(config: type[Config], error: ValidationError) -> BadSetting:
    prefix = config.model_config.get("env_prefix", "")
    faults = error.errors(include_url=False, include_input=False)
    absent = [_name(prefix, fault["loc"]) for fault in faults if fault["type"] == "missing"]
    if absent:
        provider = prefix.removeprefix("SOJOURN_").rstrip("_").lower()
        return BadSetting(f"{provider} is chosen, which needs {', '.join(absent)}: not set")
    reason = faults[0]["msg"].removeprefix("Value error, ")
    return BadSetting(f"{_name(prefix, faults[0]['loc'])}: {reason}")  # no value: it may be secret


def _name(prefix: str, place: tuple[int | str, ...]) -> str:
    return prefix + "_".join(str(part) for part in place).upper()
