"""The token endpoint (RFC 6749): client credentials, by secret."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from app.api import shapes_token
from app.api.documented import challenge, refusals
from app.api.door import Behind
from app.api.reading import read_up_to
from app.use_cases.token import OAuthRefused, issue

router = APIRouter(tags=["token"])

MAX_FORM = 16 * 1024
_FORM = "application/x-www-form-urlencoded"
_ERROR = {"model": shapes_token.OAuthError, "description": "No token; suspended: `unauthorized_client`."}
_DOCUMENTED: dict[str, Any] = {
    "security": [{"client": []}],
    "requestBody": {
        "required": True,
        "content": {
            _FORM: {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"const": "client_credentials"},
                        "client_id": {"type": "string", "description": "Unless by HTTP Basic."},
                        "client_secret": {"type": "string", "description": "Unless by HTTP Basic."},
                    },
                },
                "example": {"grant_type": "client_credentials", "client_id": "support-bot.5f", "client_secret": "ilk_"},
            }
        },
    },
}


@dataclass(frozen=True, slots=True)
class Client:
    """What a client proves itself with."""

    id: str
    secret: str


@router.post(
    "/oauth/token",
    summary="An access token for a client secret",
    responses={
        200: {"model": shapes_token.Token, "description": "Good for ten minutes."},
        400: _ERROR,
        401: {**_ERROR, "description": "The client id or secret is wrong, or revoked.", "headers": challenge("Basic")},
        **refusals("too-large", "too-slow", "unavailable", "unconfirmed", "internal"),
    },
    openapi_extra=_DOCUMENTED,
)
async def token(behind: Behind, request: Request) -> JSONResponse:
    """For bots and targets; `client_secret_basic` or `client_secret_post`."""
    try:
        client = _client(request, await _form(request))
        given = await issue(behind.services, client.id, client.secret, behind.now())
    except OAuthRefused as refused:
        return _refusal(refused)
    return JSONResponse(given, headers={"Pragma": "no-cache"})


def _refusal(refused: OAuthRefused) -> JSONResponse:
    body = {"error": refused.error, "error_description": str(refused)}
    if refused.error != "invalid_client":
        return JSONResponse(body, 400)
    return JSONResponse(body, 401, {"WWW-Authenticate": 'Basic realm="interlock", charset="UTF-8"'})


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthRefused("invalid_request", f"Send the form as Content-Type: {_FORM}.")
    try:
        text = (await read_up_to(request, MAX_FORM)).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=20)
    except ValueError:
        raise OAuthRefused("invalid_request", "The body is not a form.") from None
    if len(dict(pairs)) != len(pairs):
        raise OAuthRefused("invalid_request", "A parameter is given more than once.")
    _refuse_other_grants(dict(pairs))
    return dict(pairs)


def _refuse_other_grants(form: dict[str, str]) -> None:
    if not form.get("grant_type"):
        raise OAuthRefused("invalid_request", "The parameter grant_type is missing.")
    if form["grant_type"] != "client_credentials":
        raise OAuthRefused("unsupported_grant_type", "The only grant_type here is client_credentials.")


def _client(request: Request, form: dict[str, str]) -> Client:
    headers = request.headers.getlist("authorization")
    posted = {"client_id", "client_secret"} & form.keys()
    if headers and "client_secret" in posted:
        raise OAuthRefused("invalid_request", "Send the client secret in one way only.")
    if headers:
        client = _basic(headers)
        if form.get("client_id", client.id) != client.id:
            raise OAuthRefused("invalid_request", "client_id is not the one that authenticates.")
        return client
    if len(posted) < 2:
        raise OAuthRefused("invalid_client", "Send client_id and client_secret, in the form or by HTTP Basic.")
    return Client(form["client_id"], form["client_secret"])


def _basic(headers: list[str]) -> Client:
    """HTTP Basic (RFC 7617) with both halves form-encoded, as RFC 6749 section 2.3.1 wants it."""
    scheme, _, encoded = headers[0].partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except ValueError:
        decoded = ""
    if len(headers) > 1 or scheme.lower() != "basic" or ":" not in decoded:
        raise OAuthRefused("invalid_client", "The header Authorization is not HTTP Basic with an id and a secret.")
    client_id, _, secret = decoded.partition(":")
    return Client(unquote_plus(client_id), unquote_plus(secret))
