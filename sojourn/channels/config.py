"""A provider's settings, ``SOJOURN_{PROVIDER}_*``, which are read when the provider is chosen."""

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


def _fits_a_header(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("write it as the provider shows it: ASCII, no spaces, one line")
    return secret


Token = Annotated[SecretStr, AfterValidator(_fits_a_header)]
"""A secret that is sent in a header of each request."""


class ProviderConfig(BaseSettings):
    """The settings of one provider, separate from those of the installation.

    A subclass names its prefix and adds fields::

        class Config(ProviderConfig):
            model_config = SettingsConfigDict(env_prefix="SOJOURN_POSTMARK_")
            token: Token
            base_url: str = "https://api.postmarkapp.com"

    A field without a default is required. A field whose name ends in ``_url`` is an HTTP URL.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    timeout_seconds: Annotated[float, Field(gt=0, le=50)] = 10
    """The time to wait for an answer; after that, the message may have been sent or not."""

    @field_validator("*")
    @classmethod
    def _check_url(cls, value: Any, field: ValidationInfo) -> Any:
        """Refuse an invalid URL, with which every message would wait until it is of no use."""
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
            BadSetting: a variable is missing or cannot be understood; the text names it.
        """
        try:
            return cls()
        except ValidationError as error:
            raise _bad_setting(cls, error) from None


def _bad_setting(config: type[ProviderConfig], error: ValidationError) -> BadSetting:
    prefix = config.model_config.get("env_prefix", "")
    faults = error.errors(include_url=False, include_input=False)
    absent = [_variable(prefix, fault["loc"]) for fault in faults if fault["type"] == "missing"]
    if absent:
        provider = prefix.removeprefix("SOJOURN_").rstrip("_").lower()
        return BadSetting(f"{provider} is chosen, which needs {', '.join(absent)}: not set")
    reason = faults[0]["msg"].removeprefix("Value error, ")
    # without the value, which may be a secret
    return BadSetting(f"{_variable(prefix, faults[0]['loc'])}: {reason}")


def _variable(prefix: str, place: tuple[int | str, ...]) -> str:
    return prefix + "_".join(str(part) for part in place).upper()
