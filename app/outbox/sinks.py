"""The first sink: wakes the long polls of all API processes."""

from __future__ import annotations

import uuid

from app.db.listen import CHANNEL, notify
from app.db.session import Database


class Wake:
    """Tells who waits, by NOTIFY in a transaction of its own: inside the steps' it would serialise their commits."""

    def __init__(self, database: Database) -> None:
        """``database``: where the API processes listen."""
        self._database = database

    async def tell(self, request_ids: list[uuid.UUID]) -> list[uuid.UUID]:
        """One notification a request."""
        async with self._database.transaction() as session:
            for request_id in request_ids:
                await notify(session, CHANNEL, str(request_id))
        return request_ids
