"""Credentials of bots and targets: making one, and giving an access token for it."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, ledger
from app.db.tables import ClientCredential
from app.domain.errors import Forbidden, NotFound
from app.governance.policy import Policy
from app.identity.secrets import hash_secret, new_client, verify_secret
from app.identity.tokens import ACCESS_LIFETIME, issue_access_token
from app.steps.context import Context
from app.use_cases.services import Services

_CLIENT_ID = re.compile(r"[a-z0-9][a-z0-9_.-]{0,120}")


class OAuthRefused(Exception):
    """No token. ``error``: a code of RFC 6749 section 5.2; the sentence is its description.

    Not an InterlockError: the token endpoint speaks OAuth's own language, not problem details.
    """

    def __init__(self, error: str, sentence: str) -> None:
        super().__init__(sentence)
        self.error = error


async def issue(services: Services, client_id: str, client_secret: str, now: datetime) -> dict[str, Any]:
    """``{access_token, token_type, expires_in}`` for a client's secret (RFC 6749 section 4.4, RFC 9068).

    Raises OAuthRefused: ``invalid_client`` for a wrong or revoked credential, ``unauthorized_client`` when its holder
    is suspended or not in the rules in force; Unavailable.
    """
    async with services.ctx.database.transaction() as session:
        known = await _credential(session, client_id, client_secret)
        policy = await services.ctx.rules.in_force(session)
        await _refuse_stopped(session, policy, known)
    subject = f"{known.holder_kind}:{known.holder_id}"
    token = issue_access_token(
        services.tokens, issuer=services.base_url, client_id=known.client_id, subject=subject, now=now
    )
    return {"access_token": token, "token_type": "Bearer", "expires_in": int(ACCESS_LIFETIME.total_seconds())}


async def _credential(session: AsyncSession, client_id: str, client_secret: str) -> ClientCredential:
    known = await governance.credential(session, client_id) if _CLIENT_ID.fullmatch(client_id) else None
    if known is None or not verify_secret(client_secret, known.secret_hash) or known.revoked_at is not None:
        raise OAuthRefused("invalid_client", "The client id or secret is wrong, or the credential was revoked.")
    return known


async def _refuse_stopped(session: AsyncSession, policy: Policy, known: ClientCredential) -> None:
    if not _holder_known(policy, known.holder_kind, known.holder_id):
        raise OAuthRefused("unauthorized_client", "The rules in force do not know the holder of this credential.")
    if known.holder_kind != "bot":
        return
    bot = await governance.bot(session, known.holder_id)
    if bot is None or bot.suspended_at is not None or (await governance.installation(session)).suspended_at is not None:
        raise OAuthRefused("unauthorized_client", "This bot is suspended.")


async def create_credential(ctx: Context, holder_kind: str, holder_id: str, made_by: str) -> tuple[str, str]:
    """A new ``(client_id, client_secret)`` of a ``bot``, or of a ``target``'s client; the secret is shown only here.

    ``made_by``: the person who makes it, who then never decides what is asked with it. Others of the same holder stay
    valid, as many as there are, so that secrets can be changed without a gap.
    Raises NotFound when the rules in force do not know the holder; Forbidden unless the person administers or is the
    bot's business owner.
    """
    async with ctx.database.transaction() as session:
        policy = await ctx.rules.in_force(session)
        if not _holder_known(policy, holder_kind, holder_id):
            raise NotFound(f"The rules in force know no {holder_kind} {holder_id!r}.")
        pid = await _maker(session, policy, holder_kind, holder_id, made_by)
        client_id, secret = new_client(holder_id)
        stream = f"{holder_kind}:{holder_id}"
        await ledger.lock_stream(session, stream)
        now = await ctx.clock.now(session)
        session.add(
            ClientCredential(
                client_id=client_id,
                holder_kind=holder_kind,
                holder_id=holder_id,
                secret_hash=hash_secret(secret),
                made_by=made_by,
                created_at=now,
            )
        )
        await ledger.append(session, stream, "credential-created", now, {"client_id": client_id, "made_by": pid})
    return client_id, secret


def _holder_known(policy: Policy, kind: str, holder_id: str) -> bool:
    if kind == "bot":
        return holder_id in policy.bots
    return kind == "target" and any(holder_id in target.clients for target in policy.targets.values())


async def _maker(session: AsyncSession, policy: Policy, kind: str, holder_id: str, made_by: str) -> str:
    """The pid of a person who may make this credential."""
    person = await governance.person(session, made_by)
    owns = kind == "bot" and made_by in policy.seat(holder_id, None, "business")
    if person is None or not person.active or not (owns or policy.may(made_by, "administer")):
        raise Forbidden("Only who may administer, or the bot's business owner, makes credentials for it.")
    return str(person.pid)
