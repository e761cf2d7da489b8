"""The digest of a stored request: computed once at admission, and anew before everything that acts on a yes."""

from __future__ import annotations

from app.db.tables import Request
from app.domain.clocks import rfc3339
from app.domain.digest import request_digest


def digest_of(row: Request) -> str:
    """The digest computed anew from what the row holds now."""
    return request_digest(
        request_id=str(row.id),
        kind=row.kind,
        asker={"kind": row.asker_kind, "id": row.asker_id},
        action=row.action,
        action_version=row.action_version,
        parameters=row.parameters,
        on_behalf_of=row.on_behalf_of,
        triggered_by=row.triggered_by,
        parent=None if row.parent is None else str(row.parent),
        reverses=None if row.reverses is None else str(row.reverses),
        environment=row.environment,
        expires_at=rfc3339(row.expires_at),
        nonce=row.nonce,
    )
