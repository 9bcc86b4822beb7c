"""A provider's own settings: ``SOJOURN_{PROVIDER}_*``, read when the provider is chosen."""

from typing import Annotated, Self

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import BadSetting


class Config(BaseSettings):
    """What a provider needs to know.

    A subclass names its prefix and adds fields::

        class Config(channels.config.Config):
            model_config = SettingsConfigDict(env_prefix="SOJOURN_POSTMARK_")
            token: SecretStr
            base_url: str = "https://api.postmarkapp.com"

    A field without a default is a credential that the provider cannot do without.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    timeout_seconds: Annotated[float, Field(gt=0, le=50)] = 10
    """How long to wait for an answer; after that a message may have been sent or not."""

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
