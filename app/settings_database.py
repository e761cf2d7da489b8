"""Where the database is, and as whom each part connects to it (docs/database-roles.md)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator


class DatabaseSettings(BaseModel):
    """The database's URLs, and the size of a process's pool."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr
    """SQLAlchemy URL with the asyncpg driver; a plain ``postgresql://`` is taken as that."""
    sequencer_url: SecretStr | None = None
    """The same database as the role that seals entries; by default as the others."""
    migrator_url: SecretStr | None = None
    """The same database as the role that `interlock migrate` connects as; by default as the others."""
    pool_size: Annotated[int, Field(gt=0)] = 10

    @property
    def to_seal(self) -> str:
        """What the sequencer connects to."""
        return (self.sequencer_url or self.url).get_secret_value()

    @property
    def to_migrate(self) -> str:
        """What migrations connect to."""
        return (self.migrator_url or self.url).get_secret_value()

    @field_validator("url", "sequencer_url", "migrator_url")
    @classmethod
    def _with_driver(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        scheme, separator, rest = url.get_secret_value().partition("://")
        if not separator or scheme not in {"postgresql", "postgres", "postgresql+asyncpg"}:
            raise ValueError("must start with postgresql:// or postgresql+asyncpg://")
        return SecretStr(f"postgresql+asyncpg://{rest}")
