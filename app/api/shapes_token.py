"""The shapes of tokens and keys, and of their errors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from app.api import examples
from app.api.shapes import Answer


class Token(Answer):
    """An access token (RFC 6749 section 5.1)."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TOKEN]})

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int


class OAuthError(Answer):
    """Why there is no token (RFC 6749 section 5.2)."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.OAUTH_ERROR]})

    error: Literal["invalid_request", "invalid_client", "unauthorized_client", "unsupported_grant_type"]
    error_description: str


class Jwks(Answer):
    """A JWK set (RFC 7517)."""

    keys: list[dict[str, Any]]


ANSWERS: tuple[type[Answer], ...] = (Token, OAuthError, Jwks)
