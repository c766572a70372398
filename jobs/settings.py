"""What an operator may set. Small groups: a process reads only those that it needs, and names what is missing."""

import re
from typing import Literal, TypeVar
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.errors import Misconfigured

Group = TypeVar("Group", bound="SettingsGroup")


class SettingsGroup(BaseSettings):
    # an empty value is how compose files and .env.example say "not set"
    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)


class DatabaseSettings(SettingsGroup):
    """`DATABASE_URL`, or the five `DB_…` parts with any characters in them."""

    database_url: SecretStr | None = None
    database_listen_url: SecretStr | None = None
    database_pooled: bool = False
    db_host: str | None = None
    db_port: int = 5432
    db_user: str = "postgres"
    db_password: SecretStr = SecretStr("")
    db_name: str = "postgen"

    @property
    def url(self) -> str:
        """A libpq address. Raises Misconfigured when neither form is given."""
        if self.database_url:
            # an address written for SQLAlchemy names its driver, which libpq does not know
            scheme, _, rest = self.database_url.get_secret_value().partition("://")
            return f"{scheme.partition('+')[0]}://{rest}"
        if not self.db_host:
            raise Misconfigured(
                "DATABASE_URL is not set. Say where PostgreSQL is: postgresql://user:password@host/database"
            )
        password = quote(self.db_password.get_secret_value(), safe="")
        host = f"[{self.db_host}]" if ":" in self.db_host else self.db_host
        credentials = f"{quote(self.db_user, safe='')}:{password}"
        return f"postgresql://{credentials}@{host}:{self.db_port}/{quote(self.db_name, safe='')}"

    @property
    def listen_url(self) -> str:
        return self.database_listen_url.get_secret_value() if self.database_listen_url else self.url


class PublicSettings(SettingsGroup):
    public_url: str | None = None


class TelegramSettings(SettingsGroup):
    telegram_bot_token: SecretStr
    telegram_api_base: str = "https://api.telegram.org"

    @field_validator("telegram_bot_token")
    @classmethod
    def has_bot_id(cls, token: SecretStr) -> SecretStr:
        if not token.get_secret_value().partition(":")[0].isdigit():
            raise ValueError("a token reads like 123456:ABC…, as @BotFather gave it")
        return token

    @property
    def bot_id(self) -> int:
        return int(self.telegram_bot_token.get_secret_value().partition(":")[0])


class TelegramWebhookSettings(TelegramSettings):
    """What receives updates needs the secret as well; what only sends does not."""

    telegram_webhook_secret: SecretStr

    @field_validator("telegram_webhook_secret")
    @classmethod
    def is_accepted_by_telegram(cls, secret: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret.get_secret_value()):
            raise ValueError("1 to 256 letters, digits, _ and - are allowed")
        return secret


class LaneSettings(SettingsGroup):
    """`COMFYUI_HOSTS=host:8188,host:8189` makes the lanes gpu-0 and gpu-1."""

    comfyui_hosts: str = ""
    generation_timeout: float = Field(default=120, gt=0)
    model_load_timeout: float = Field(default=180, gt=0)

    @property
    def hosts(self) -> list[str]:
        return [host.strip() for host in self.comfyui_hosts.split(",") if host.strip()]


class PersonaSettings(SettingsGroup):
    personas_dir: str | None = None
    image_default_negative_prompt: str = ""


class LlmSettings(SettingsGroup):
    """Which provider each use takes: `provider` or `provider:model`."""

    reply_llm: str = "venice"
    image_prompt_llm: str = "venice"
    venice_api_key: SecretStr = SecretStr("")
    venice_base_url: str = "https://api.venice.ai/api/v1"
    venice_model: str = "venice-uncensored"
    venice_timeout: float = Field(default=120, gt=0)
    reply_context_tokens: int = Field(default=3000, gt=0)


class MediaSettings(SettingsGroup):
    media_url: str = "file:./media"
    s3_endpoint: str | None = None
    s3_access_key: SecretStr | None = None
    s3_secret_key: SecretStr | None = None
    s3_region: str = "us-east-1"
    result_ttl: int = Field(default=604800, gt=0)


class WorkerSettings(SettingsGroup):
    worker_shutdown_grace: float = Field(default=20, ge=0)


class LogSettings(SettingsGroup):
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"


def load(group: type[Group]) -> Group:
    """The group from the environment. Raises Misconfigured with one sentence that names each variable at fault."""
    try:
        return group()
    except ValidationError as error:
        raise Misconfigured(" ".join(_sentence(problem["loc"], problem["msg"]) for problem in error.errors())) from None


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]).upper()
    if message == "Field required":
        return f"{name} is not set. Put it into the environment or into .env (see .env.example)."
    return f"{name} is not valid: {message.removeprefix('Value error, ')}."
