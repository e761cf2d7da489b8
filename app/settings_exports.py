"""The settings of what goes out by webhook: endpoints of the export, and secrets of bots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from app.domain.webhooks import key_of


def _signing(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()  # files and shells add a line's end
    key_of(text)
    return SecretStr(text)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ValueError("must be an http or https URL with a host, without a user")
    return text


SigningSecret = Annotated[SecretStr, AfterValidator(_signing)]
"""As Standard Webhooks writes it: whsec_ and base64."""


class ExportSettings(BaseModel):
    """An endpoint that gets every sealed entry of the ledger (docs/export.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_url)]
    secret: SigningSecret
    former_secret: SigningSecret | None = None
    """While the secret is being changed: events are signed with both."""
    private: bool = False
    """It may lie in a private network."""
    start: Annotated[int, Field(ge=0)] = 0
    """The leaf to begin with, for an endpoint that has not begun."""

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What to sign with."""
        return _keys(self.secret, self.former_secret)


class BotSettings(BaseModel):
    """What this environment knows of a bot that no file of rules may hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhook_secret: SigningSecret | None = None
    """What the events to its webhook are signed with."""
    former_webhook_secret: SigningSecret | None = None

    @model_validator(mode="after")
    def _one_before(self) -> Self:
        if self.former_webhook_secret is not None and self.webhook_secret is None:
            raise ValueError("a former secret needs one that is not former")
        return self

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What to sign with; nothing where no secret is set."""
        return _keys(self.webhook_secret, self.former_webhook_secret)


def _keys(*secrets: SecretStr | None) -> tuple[bytes, ...]:
    return tuple(key_of(secret.get_secret_value()) for secret in secrets if secret is not None)


def plain(name: str) -> str:
    """A name as environment variables can spell it: no case, no dots, and hyphens for underscores."""
    return name.lower().replace("_", "-").replace(".", "-")


def require_tls(exports: Mapping[str, ExportSettings], environment: str) -> None:
    """Raises ValueError outside development for an endpoint without TLS: entries and signatures would go in clear."""
    for name, export in exports.items():
        if environment != "development" and not export.url.startswith("https://"):
            raise ValueError(f"INTERLOCK_EXPORTS__{name.upper().replace('-', '_')}__URL must be https")
