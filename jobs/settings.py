"""What an operator may set. Small groups: a process reads only those that it needs, and names what is missing."""

import re
from dataclasses import dataclass
from typing import Literal, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from jobs.errors import Misconfigured

Group = TypeVar("Group", bound="SettingsGroup")

# far below what the database can hold, so that no sum of theirs is too large
MOST_MONEY = 1_000_000_000
# no invoice of Telegram's asks for more stars; and one must still see all the buttons
MOST_STARS = 100_000
MOST_PACKS = 20
LLM_PROVIDERS = ("venice", "gemini", "ollama")
IMAGE_PROVIDERS = ("comfyui", "replicate", "live3d", "local")


class SettingsGroup(BaseSettings):
    # an empty value is how compose files and .env.example say "not set"
    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)


def _fits_into_a_header(key: SecretStr) -> SecretStr:
    if not key.get_secret_value().isascii():
        raise ValueError("a key is made of plain letters, digits and signs")
    return key


def _is_an_address(address: str) -> str:
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None
    if not (host and address.startswith(("http://", "https://"))):
        raise ValueError("an address reads https://host, with the path behind it that .env.example shows")
    return address


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
            return _libpq_address("DATABASE_URL", self.database_url.get_secret_value())
        if not self.db_host:
            raise Misconfigured(
                "DATABASE_URL is not set. Say where PostgreSQL is: postgresql://user:password@host/database"
            )
        password = quote(self.db_password.get_secret_value(), safe="")
        credentials = f"{quote(self.db_user, safe='')}:{password}"
        name = quote(self.db_name, safe="")
        if self.db_host.startswith("/"):
            # the folder of a socket
            return f"postgresql://{credentials}@/{name}?host={quote(self.db_host, safe='')}&port={self.db_port}"
        host = f"[{self.db_host}]" if ":" in self.db_host else self.db_host
        return f"postgresql://{credentials}@{host}:{self.db_port}/{name}"

    @property
    def listen_url(self) -> str:
        if self.database_listen_url:
            return _libpq_address("DATABASE_LISTEN_URL", self.database_listen_url.get_secret_value())
        return self.url


class PublicSettings(SettingsGroup):
    public_url: str | None = None


class TelegramSettings(SettingsGroup):
    telegram_bot_token: SecretStr
    telegram_api_base: str = "https://api.telegram.org"

    @field_validator("telegram_bot_token")
    @classmethod
    def has_bot_id(cls, token: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[0-9]+:\S+", token.get_secret_value()):
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
    # a shell command; it finds the lane in LANE and its address in COMFYUI_HOST
    comfyui_restart_command: str = ""

    @property
    def hosts(self) -> list[str]:
        return [host.strip() for host in self.comfyui_hosts.split(",") if host.strip()]


class ImageSettings(SettingsGroup):
    """Who draws pictures, in the order of fallback."""

    image_providers: str = "comfyui"

    @field_validator("image_providers")
    @classmethod
    def are_known(cls, names: str) -> str:
        found = _names(names)
        if not found or len(set(found)) < len(found) or not set(found) <= set(IMAGE_PROVIDERS):
            raise ValueError(f"name some of {', '.join(IMAGE_PROVIDERS)}, each once, with commas between them")
        return names

    @property
    def names(self) -> list[str]:
        return _names(self.image_providers)

    @property
    def remote(self) -> list[str]:
        """Those that draw in the queue `image`."""
        return [name for name in self.names if name != "comfyui"]


class CallbackSettings(SettingsGroup):
    """What providers sign their calls with. Unless it is set, a worker asks the provider for it."""

    replicate_webhook_secret: SecretStr | None = None

    @field_validator("replicate_webhook_secret")
    @classmethod
    def signs(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and not re.fullmatch(r"whsec_[A-Za-z0-9+/]{32,86}={0,2}", secret.get_secret_value()):
            raise ValueError("it reads whsec_ and base64 behind it, as Replicate shows it")
        return secret


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


class PersonaSettings(SettingsGroup):
    personas_dir: str | None = None
    image_default_negative_prompt: str = ""
    # the most that any persona may be
    content_rating: Literal["general", "suggestive", "adult"] = "general"


class LlmSettings(SettingsGroup):
    """Which provider each use takes: `provider` or `provider:model`."""

    reply_llm: str = "venice"
    image_prompt_llm: str = "venice"
    world_llm: str = "gemini"
    analysis_llm: str = "ollama"
    reply_context_tokens: int = Field(default=3000, gt=0)

    def choice(self, use: str) -> tuple[str, str]:
        """Provider and model ("" for the provider's own) of REPLY_LLM and the like. Raises Misconfigured."""
        choice: str = getattr(self, use.lower())
        provider, _, model = choice.partition(":")
        if provider not in LLM_PROVIDERS:
            known = ", ".join(LLM_PROVIDERS)
            raise Misconfigured(f"{use}={choice} is not known. Use one of {known}, or venice:model for another model.")
        return provider, model


class VeniceSettings(SettingsGroup):
    """Venice, or any other server that speaks OpenAI's protocol; those may need no key."""

    venice_api_key: SecretStr = SecretStr("")
    venice_base_url: str = "https://api.venice.ai/api/v1"
    venice_model: str = "venice-uncensored"
    venice_timeout: float = Field(default=120, gt=0)
    venice_context_tokens: int = Field(default=32768, gt=0)

    _key = field_validator("venice_api_key")(_fits_into_a_header)
    _address = field_validator("venice_base_url")(_is_an_address)

    def key(self) -> str:
        """Raises Misconfigured when there is none, and Venice is asked."""
        key = self.venice_api_key.get_secret_value()
        if not key and (urlsplit(self.venice_base_url).hostname or "").endswith("venice.ai"):
            raise Misconfigured("VENICE_API_KEY is not set. Put it into the environment or into .env.")
        return key


class GeminiSettings(SettingsGroup):
    gemini_api_key: SecretStr = SecretStr("")
    gemini_base_url: str = "https://generativelanguage.googleapis.com"
    gemini_api_version: str = Field(default="v1beta", pattern="^[a-z0-9]+$")
    gemini_model: str = "gemini-flash-latest"
    gemini_timeout: float = Field(default=120, gt=0)
    gemini_context_tokens: int = Field(default=200_000, gt=0)

    _key = field_validator("gemini_api_key")(_fits_into_a_header)
    _address = field_validator("gemini_base_url")(_is_an_address)

    def key(self) -> str:
        """Raises Misconfigured when there is none."""
        if not (key := self.gemini_api_key.get_secret_value()):
            raise Misconfigured("GEMINI_API_KEY is not set. Put it into the environment or into .env.")
        return key


class OllamaSettings(SettingsGroup):
    """`ollama_timeout` includes the loading of a model."""

    ollama_url: str = "http://localhost:11434"
    ollama_model: str = "qwen2.5:7b"
    ollama_timeout: float = Field(default=600, gt=0)
    ollama_context_tokens: int = Field(default=32768, gt=0)
    ollama_keep_alive: str = "10m"

    _address = field_validator("ollama_url")(_is_an_address)


class MediaSettings(SettingsGroup):
    media_url: str = "file:./media"
    s3_endpoint: str | None = None
    s3_access_key: SecretStr | None = None
    s3_secret_key: SecretStr | None = None
    s3_region: str = "us-east-1"
    result_ttl: int = Field(default=604800, gt=0)


class WebhookSettings(SettingsGroup):
    """Whether webhooks may go to private addresses, and without TLS: for development and tests."""

    webhook_allow_private: bool = False


@dataclass(frozen=True)
class StarsPack:
    """What a person gets for so many Telegram Stars. `unit`: energy or diamonds."""

    stars: int
    amount: int
    unit: str


class EconomySettings(SettingsGroup):
    """What the bot asks of people. Replies cost energy, which comes back by itself, pictures diamonds. 0 is free."""

    price_reply: int = Field(default=1, ge=0, le=MOST_MONEY)
    price_picture: int = Field(default=10, ge=0, le=MOST_MONEY)
    price_photo: int = Field(default=10, ge=0, le=MOST_MONEY)
    price_automatic_picture: int = Field(default=0, ge=0, le=MOST_MONEY)
    price_analysis: int = Field(default=0, ge=0, le=MOST_MONEY)
    energy_max: int = Field(default=100, ge=0, le=MOST_MONEY)
    energy_refill_seconds: float = Field(default=180, gt=0, le=365 * 86400)
    diamonds_start: int = Field(default=30, ge=0, le=MOST_MONEY)
    stars_packs: str = "25:50 energy, 50:50 diamonds, 200:230 diamonds, 500:650 diamonds"
    payments_contact: str = ""
    terms_url: str = ""

    @field_validator("stars_packs")
    @classmethod
    def are_packs(cls, packs: str) -> str:
        found = _packs(packs)
        if len(found) > MOST_PACKS or len({(pack.stars, pack.unit) for pack in found}) < len(found):
            raise ValueError(f"there may be {MOST_PACKS} packs, each with a price of its own")
        return packs

    @property
    def packs(self) -> list[StarsPack]:
        """Empty when nothing is for sale."""
        return _packs(self.stars_packs)


def _packs(text: str) -> list[StarsPack]:
    """Raises ValueError."""
    if text.strip().lower() in ("", "none"):
        return []
    packs = []
    for each in text.split(","):
        found = re.fullmatch(r"\s*([1-9][0-9]{0,5})\s*:\s*([1-9][0-9]{0,8})\s*(energy|diamonds)\s*", each)
        if not found or int(found[1]) > MOST_STARS:
            raise ValueError(f"packs read stars:amount unit, such as 50:60 diamonds, for at most {MOST_STARS} stars")
        packs.append(StarsPack(int(found[1]), int(found[2]), found[3]))
    return packs


class WorkerSettings(SettingsGroup):
    worker_shutdown_grace: float = Field(default=20, ge=0)


class LogSettings(SettingsGroup):
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"


def _libpq_address(name: str, address: str) -> str:
    """Without the driver that SQLAlchemy's addresses name. Raises Misconfigured, and never repeats the address."""
    scheme, _, rest = address.partition("://")
    scheme = scheme.partition("+")[0]
    try:
        well_formed = scheme in ("postgresql", "postgres") and bool(rest) and urlsplit(address).port is not False
    except ValueError:
        well_formed = False
    if not well_formed:
        raise Misconfigured(
            f"{name} is not an address of PostgreSQL. It reads postgresql://user:password@host/database"
        )
    return f"{scheme}://{rest}"


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
