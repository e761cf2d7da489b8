"""Where a person sits, as it goes out, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.shapes_delegations import Delegation

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]

SEATS: dict[str, Any] = {
    "person": {"id": "olivia", "name": "Olivia Reyes", "active": True},
    "seats": [
        {
            "place": "bots.support-bot.business",
            "of": "bot",
            "name": "support-bot",
            "seat": "business",
            "by_group": None,
        },
        {
            "place": "actions.orders.cancel.incident",
            "of": "action",
            "name": "orders.cancel",
            "seat": "incident",
            "by_group": "responders",
        },
    ],
    "groups": [{"place": "groups.responders", "group": "responders", "may": ["respond"]}],
    "delegations": [],
    "identities": [{"kind": "slack", "issuer": "T0SHOP", "subject": "U0OLIVIA", "source": "files"}],
    "requests": [
        {
            "id": "5b8f2f0e-6c1d-5b7a-9a3e-2d4c6e8f0a12",
            "kind": "governance",
            "action": "interlock.permissions.grant",
            "status": "held",
        }
    ],
    "votes": [
        {
            "request": "9f4c1c52-7c0f-5d0e-8a59-3c0f2a6f2a11",
            "action": "orders.refund",
            "status": "held",
            "decision": "approve",
        }
    ],
    "reviews": [],
    "credentials": [{"client_id": "support-bot-1", "kind": "bot", "holder": "support-bot"}],
    "permissions": [],
}


class Somebody(BaseModel):
    """Who."""

    id: str
    name: str
    active: bool = Field(description="False once they have left.")


class SeatHeld(BaseModel):
    """An owner seat, or `deployed_by`, that they hold."""

    place: str = Field(description="How `interlock.people.off_board` names it in `seats`.")
    of: Literal["bot", "action"]
    name: str
    seat: str
    by_group: str | None = Field(description="The group through which they hold it; it is handed over with that.")


class GroupJoined(BaseModel):
    """A group that they are in."""

    place: str
    group: str
    may: list[Literal["respond", "audit", "administer"]]


class Account(BaseModel):
    """An account that is theirs: `oidc` by issuer and subject, `slack` by team and user."""

    kind: Literal["oidc", "slack"]
    issuer: str
    subject: str
    source: Literal["files", "link"]


class AskedByThem(BaseModel):
    """An open request that they asked."""

    id: Id
    kind: str
    action: str
    status: str


class VoteStanding(BaseModel):
    """What they said of an open request."""

    request: Id
    action: str
    status: str
    decision: Literal["approve", "deny", "abstain"]


class ReviewWaiting(BaseModel):
    """A review that they may make."""

    id: Id
    kind: str
    bot: str
    due_at: Time


class CredentialMade(BaseModel):
    """A client credential whose secret they have seen: renew it when they leave."""

    client_id: str
    kind: str
    holder: str


class PermissionAsked(BaseModel):
    """A standing permission that was granted on their ask and is live."""

    id: Id
    bot: str
    action: str
    expires_at: Time


class SeatsOf(BaseModel):
    """Everywhere that a person sits."""

    model_config = ConfigDict(json_schema_extra={"examples": [SEATS]})

    person: Somebody
    seats: list[SeatHeld]
    groups: list[GroupJoined]
    delegations: list[Delegation] = Field(description="Given and received, as long as they are not over.")
    identities: list[Account]
    requests: list[AskedByThem]
    votes: list[VoteStanding]
    reviews: list[ReviewWaiting]
    credentials: list[CredentialMade]
    permissions: list[PermissionAsked]


PEOPLE: tuple[type[BaseModel], ...] = (SeatsOf,)
"""All that an operation answers with."""
