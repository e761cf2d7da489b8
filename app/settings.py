"""Settings: ``INTERLOCK_*`` variables, read once by the composition roots, frozen and handed down.

Groups nest by two underscores: ``INTERLOCK_DATABASE__URL``. A key that is not in the model is refused by name, so that
a misspelt setting never falls back to its default.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from app.domain.errors import Misconfigured
from app.settings_database import DatabaseSettings
from app.settings_exports import BotSettings, ExportSettings, plain, require_tls
from app.settings_ledger import LedgerSettings
from app.settings_retention import RetentionSettings

PREFIX = "INTERLOCK_"
OUTSIDE = frozenset({"INTERLOCK_DATA", "INTERLOCK_SHARED", "INTERLOCK_CACHE", "INTERLOCK_URL"})
"""Variables that say where files lie, for commands and tests; no part of a running service reads them."""
SLACK_VARIABLES = {
    "SLACK_BOT_TOKEN": "bot_token",
    "SLACK_SIGNING_SECRET": "signing_secret",
    "SLACK_APP_TOKEN": "app_token",
    "SLACK_API_URL": "api_url",
}
"""The names that everybody in Slack's world uses, and their fields in the group ``slack``. An empty one is not set;
``INTERLOCK_SLACK__...`` counts where both are set. Other ``SLACK_*`` variables are not read."""


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https URL with a host")
    return text.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""Kept as text, for issuers are compared as text; a slash at the end is dropped."""


def _secret_word(secret: SecretStr | None) -> SecretStr | None:
    text = secret.get_secret_value().strip() if secret else ""  # files and shells add a line's end
    if not all("!" <= sign <= "~" for sign in text):
        raise ValueError("must be one word of ASCII letters, digits and signs: copy it again")
    return SecretStr(text) if text else None


def _starts_with(prefix: str, what: str) -> AfterValidator:
    def check(secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not secret.get_secret_value().startswith(prefix):
            raise ValueError(f"must start with {prefix}: {what}")
        return secret

    return AfterValidator(check)


def _domain(text: str) -> str:
    name = text.strip().lower()
    if len(name) > 253 or not _DOMAIN.fullmatch(name):
        raise ValueError("must be domains alone, like shop.example: no @, no *, letters outside ASCII as xn--")
    return name


_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")

Secret = Annotated[SecretStr | None, AfterValidator(_secret_word)]
"""White space around it is dropped; empty is not set."""
Domain = Annotated[str, AfterValidator(_domain)]
Port = Annotated[int, Field(ge=1, le=65535)]
Positive = Annotated[int, Field(gt=0)]
Factor = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TemporalSettings(Group):
    address: str = "127.0.0.1:7233"
    namespace: str = "default"
    task_queue: str = "interlock"
    tls: bool = False
    api_key: SecretStr | None = None


class KeysSettings(Group):
    dir: Path


class ApiSettings(Group):
    host: str = "127.0.0.1"
    port: Port = 8080
    base_url: HttpUrl
    """Where callers reach the API: issuer and audience of the tokens that we make."""
    docs: bool = False

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the API."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


class Issuer(Group):
    iss: str
    audience: str
    jwks_url: HttpUrl


class IdentitySettings(Group):
    issuers: tuple[Issuer, ...] = ()
    dev_issuer: bool = False
    """Take people's tokens from an issuer of our own: in development, on loopback, only."""


class TargetSettings(Group):
    url: HttpUrl


class WorkerSettings(Group):
    sweep_every: Positive = 30
    """Seconds between two rounds of the sweeper."""
    overdue: Positive = 60
    """Seconds after its time at which an open request counts as stuck."""
    max_executions: Positive = 50
    ready_file: Path | None = None
    """Touched when the worker polls; the worker serves no port."""


class SlackSettings(Group):
    """Slack is off until `enabled`. The first three and ``api_url`` may come as `SLACK_VARIABLES`, too."""

    bot_token: Annotated[
        Secret, _starts_with("xoxb-", "copy the bot token from OAuth & Permissions of your Slack app")
    ] = None
    signing_secret: Secret = None
    """Says that a request is from Slack; not needed in Socket Mode."""
    app_token: Annotated[Secret, _starts_with("xapp-", "make one under Basic Information, App-Level Tokens")] = None
    """For Socket Mode only."""
    socket_mode: bool = False
    """Connect to Slack from inside, over a WebSocket, where Slack cannot reach the API."""
    api_url: HttpUrl | None = None
    """Instead of Slack's own, https://slack.com/api/: a proxy's, or a fake's in development."""
    rate: Factor = 1.0
    """How much faster than Slack's own rates we call (1.0: one message a second and channel). Real Slack takes no more
    than 1; more is for fakes."""
    digest_above: Positive = 10
    """Cards a minute in one channel above which holds of low risk go into one digest message."""
    email_domains: tuple[Domain, ...] = ()
    """Domains whose every address is given out by the directory that the rules name people from. Slack accounts match
    people by e-mail in these domains only; in none by default."""
    call_timeout: Seconds = 10.0
    """Seconds that one call to Slack may take."""

    @property
    def enabled(self) -> bool:
        """Whether there is all that it takes to post, and to be answered."""
        reachable = self.signing_secret or (self.socket_mode and self.app_token)
        return bool(self.bot_token and reachable)


class Settings(BaseSettings):
    """Everything that a process of Interlock is told from outside."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    environment: Literal["production", "development"] = "production"
    database: DatabaseSettings
    temporal: TemporalSettings = TemporalSettings()
    keys: KeysSettings
    api: ApiSettings
    identity: IdentitySettings = IdentitySettings()
    targets: dict[str, TargetSettings] = {}
    worker: WorkerSettings = WorkerSettings()
    ledger: LedgerSettings = LedgerSettings()
    slack: SlackSettings = SlackSettings()
    exports: dict[str, ExportSettings] = {}
    bots: dict[str, BotSettings] = {}
    retention: RetentionSettings = RetentionSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # only `load` reads the environment: a Settings made by hand is what it says

    @field_validator("targets")
    @classmethod
    def _by_plain_name(cls, targets: dict[str, TargetSettings]) -> dict[str, TargetSettings]:
        return {_plain(name): target for name, target in targets.items()}

    @field_validator("exports", "bots")
    @classmethod
    def _as_variables_spell_them(cls, named: dict[str, Any]) -> dict[str, Any]:
        return {plain(name): one for name, one in named.items()}

    @model_validator(mode="after")
    def _the_ledger_goes_over_tls(self) -> Self:
        require_tls(self.exports, self.environment)
        return self

    @model_validator(mode="after")
    def _dev_issuer_stays_at_home(self) -> Self:
        if self.identity.dev_issuer and self.environment != "development":
            raise ValueError(f"{PREFIX}IDENTITY__DEV_ISSUER needs {PREFIX}ENVIRONMENT=development")
        if self.identity.dev_issuer and not self.api.loopback:
            raise ValueError(f"{PREFIX}IDENTITY__DEV_ISSUER needs a loopback {PREFIX}API__HOST, not {self.api.host}")
        return self

    @model_validator(mode="after")
    def _keys_come_over_tls(self) -> Self:
        plain = [issuer.iss for issuer in self.identity.issuers if not issuer.jwks_url.startswith("https://")]
        if plain and self.environment != "development":
            raise ValueError(f"{PREFIX}IDENTITY__ISSUERS: the jwks_url of {plain[0]} must be https")
        return self

    @model_validator(mode="after")
    def _slack_is_whole(self) -> Self:
        slack, mode = self.slack, f"{PREFIX}SLACK__SOCKET_MODE"
        if slack.socket_mode and not slack.app_token:
            raise ValueError(f"{mode} needs SLACK_APP_TOKEN: make one under Basic Information, App-Level Tokens")
        if slack.bot_token and not slack.enabled:
            raise ValueError(
                "SLACK_BOT_TOKEN is set, but SLACK_SIGNING_SECRET is not: copy it from Basic Information of your Slack"
                f" app, or set {mode}=true and SLACK_APP_TOKEN, or remove the token"
            )
        alone = [name for name, field in SLACK_VARIABLES.items() if name != "SLACK_API_URL" and getattr(slack, field)]
        if alone and not slack.bot_token:
            raise ValueError(
                f"{alone[0]} is set, but SLACK_BOT_TOKEN is not: copy it from OAuth & Permissions of your Slack app,"
                f" or remove {alone[0]}"
            )
        return self

    @model_validator(mode="after")
    def _tokens_go_over_tls(self) -> Self:
        url = self.slack.api_url
        if url and not url.startswith("https://") and self.environment != "development":
            raise ValueError(f"SLACK_API_URL must be https, but for {PREFIX}ENVIRONMENT=development: it gets the token")
        return self

    @property
    def ledger_origin(self) -> str:
        """The name of this installation's log."""
        return self.ledger.origin or f"{urlsplit(self.api.base_url).hostname}/interlock"

    def webhook_keys(self, bot: str) -> tuple[bytes, ...]:
        """What the events of this bot are signed with; nothing where no secret is set."""
        found = self.bots.get(plain(bot))
        return () if found is None else found.keys

    def target_url(self, name: str) -> str | None:
        """The URL that this environment gives target ``name`` instead of the catalogue's, if any."""
        target = self.targets.get(_plain(name))
        return target.url if target else None


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that ``environ`` (the process's own, if none is given) holds.

    Raises `Misconfigured`, one sentence for each variable that is missing, unknown or wrong; values are not shown.
    """
    variables = os.environ if environ is None else environ
    ours = {name: value for name, value in variables.items() if name.upper().startswith(PREFIX)}
    for name, value in ours.items():
        _check(name, value)
    nested = _nested(ours)
    plain = _plain_slack(variables, nested.get("slack", {}))
    if plain:
        nested["slack"] = nested.get("slack", {}) | plain
    try:
        return Settings.model_validate(nested)
    except ValidationError as error:
        said = (_sentence(item, plain) for item in error.errors(include_input=False))
        raise Misconfigured("; ".join(said)) from None


def _plain_slack(variables: Mapping[str, str], ours: Any) -> dict[str, str]:
    """The settings of Slack that `SLACK_VARIABLES` alone give, by field."""
    if not isinstance(ours, dict):
        return {}
    given = {field: variables.get(name, "").strip() for name, field in SLACK_VARIABLES.items()}
    return {field: value for field, value in given.items() if value and not ours.get(field)}


def _nested(variables: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(Settings)
    source.env_vars = {name.lower(): value for name, value in variables.items()}
    required: dict[str, Any] = {"database": {}, "keys": {}, "api": {}}  # so that what is missing is named in full
    return required | source()


def _check(name: str, value: str) -> None:
    if name.upper() in OUTSIDE:
        return
    kind = _kind(Settings, name.lower().removeprefix(PREFIX.lower()).split("__"))
    if kind is None:
        raise Misconfigured(f"unknown setting {name}: remove it, or correct it ({_known()})")
    if _is_group(kind) or get_origin(kind) in {dict, tuple}:
        _check_json(name, value)


def _kind(model: Any, path: Sequence[str]) -> Any:
    """The type at ``path`` below ``model``, or None where there is no such setting."""
    if not path:
        return model
    head, rest = path[0], path[1:]
    if get_origin(model) is dict:
        return _kind(get_args(model)[1], rest)
    if not _is_group(model) or head not in model.model_fields:
        return None
    return _kind(model.model_fields[head].annotation, rest)


def _is_group(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _check_json(name: str, value: str) -> None:
    try:
        json.loads(value)
    except ValueError:
        raise Misconfigured(f"{name} is not JSON: correct it, or use one variable for each part of it") from None


def _known() -> str:
    return "known: " + ", ".join(PREFIX + group.upper() for group in Settings.model_fields)


def _sentence(item: Any, plain: Mapping[str, str]) -> str:
    if not item["loc"]:
        return str(item["msg"]).removeprefix("Value error, ")
    variable = PREFIX + "__".join(str(part).upper().replace("-", "_") for part in item["loc"])
    if item["loc"][0] == "slack" and item["loc"][-1] in plain:
        variable = f"SLACK_{str(item['loc'][-1]).upper()}"
    if item["type"] == "missing":
        return f"{variable} is not set"
    if item["type"] == "extra_forbidden":
        return f"unknown setting {variable}: remove it, or correct it"
    return f"{variable}: {str(item['msg']).removeprefix('Value error, ')}"


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
