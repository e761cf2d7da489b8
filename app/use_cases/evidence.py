"""Evidence that leaves the house: bundles of one request, of an incident, of a span of time (DESIGN.md section 10)."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from tenacity import AsyncRetrying, RetryError, retry_if_result, stop_after_delay, wait_fixed

from app.db import evidence, governance, incidents, requests, sealing
from app.db.evidence import Line
from app.db.sealing_tables import SignedHead
from app.db.tables import Request
from app.domain.digest import canonical, sha256
from app.domain.errors import Forbidden, NotFound, NotSealed, OffSchema
from app.domain.tree import inclusion_spans
from app.governance.built_in import BUILT_IN, UNDO, entry_of
from app.governance.policy import Policy
from app.ledger import bundle as bundles
from app.ledger.vault import Secret
from app.steps.access import MAY, roles
from app.use_cases.access import received, require
from app.use_cases.actors import Actor, person_id
from app.use_cases.incident_access import readable
from app.use_cases.services import Services

SEAL_WITHIN, LOOK_EVERY = 5.0, 0.1
"""Seconds for which what has just happened is waited for, until it is sealed; and between two looks."""
MOST_ENTRIES = 20_000
"""Of one bundle: about 40 MB."""


@dataclass(frozen=True, slots=True)
class About:
    """What a bundle is to be about. ``streams``: all of their entries; ``leaves``: instead of streams, a span.

    ``open``: the requests whose sealed parts the reader may read.
    """

    kind: str
    id: str
    streams: Collection[str] = ()
    leaves: tuple[int, int] | None = None
    open: Collection[uuid.UUID] = ()


Wanted = Callable[[AsyncSession, Policy], Awaitable[About]]
"""Finds out, in the transaction that reads it all, what the bundle is about."""


async def of_request(services: Services, who: Actor, request_id: uuid.UUID) -> bytes:
    """The bundle of a request with all that belongs to it.

    For auditors, and for people who may see it; the sealed parts of what marks anything sensitive for auditors only.
    Raises NotFound, Forbidden; NotSealed when its last entry is not sealed in time.
    """

    async def about(session: AsyncSession, policy: Policy) -> About:
        person_id(who)
        row = await requests.by_id(session, request_id)
        given = await received(services.ctx, session, who)
        row = require(policy, who, row, "take evidence of", given)
        rows = [row]
        others = [one for one in await evidence.together(session, row) if one.id != row.id]
        rows += [one for one in others if roles(policy, who.kind, who.id, one, given) & MAY["take evidence of"]]
        kind = bundles.kind_of({"facts": {"kind": row.kind}})
        return About(kind, str(row.id), _streams(rows), open=_readable(policy, who, rows))

    return await _bundle(services, about)


async def of_incident(services: Services, who: Actor, incident_id: uuid.UUID) -> bytes:
    """The bundle of an incident: what was asked, signed, undone, and what that was. For auditors.

    Raises NotFound, Forbidden, NotSealed.
    """

    async def about(session: AsyncSession, policy: Policy) -> About:
        incident = await readable(services, session, policy, who, incident_id)
        _auditors_only(policy, who)
        rows = await evidence.of_incident(session, await incidents.rollbacks_of(session, incident, UNDO))
        streams = {f"incident:{incident.id}", *_streams(rows)}
        return About("incident", str(incident.id), streams, open=[row.id for row in rows])

    return await _bundle(services, about)


async def of_span(services: Services, who: Actor, since: datetime, until: datetime) -> bytes:
    """The bundle of all that was sealed in a span of time; no leaf of it can be left out unseen. For auditors.

    From the last checkpoint before it to the first one after it.

    Nothing sealed is opened. Raises Forbidden; NotFound when there is nothing; OffSchema when it is too much.
    """

    async def about(session: AsyncSession, policy: Policy) -> About:
        _auditors_only(policy, who)
        found = await evidence.span(session, since, until)
        if found is None:
            raise NotFound("Nothing was sealed in that span.")
        first, last = found
        if last - first >= MOST_ENTRIES:
            raise OffSchema(
                f"That is {last - first + 1} entries, and at most {MOST_ENTRIES} go in one: take less time."
            )
        return About("span", f"{first}-{last}", leaves=found)

    return await _bundle(services, about)


def _auditors_only(policy: Policy, who: Actor) -> None:
    if not policy.may(person_id(who), "audit"):
        raise Forbidden("This is for people in a group that may audit.")


def _streams(rows: Sequence[Request]) -> set[str]:
    return {f"request:{row.id}" for row in rows}


def _readable(policy: Policy, who: Actor, rows: Sequence[Request]) -> list[uuid.UUID]:
    """Of whom the sealed parts are shown: to an auditor of all, to others where nothing in them is sensitive."""
    if policy.may(person_id(who), "audit"):
        return [row.id for row in rows]
    marked = any(policy.actions[row.action].sensitive for row in rows if row.action in policy.actions)
    known = all(row.action in policy.actions or row.action in BUILT_IN for row in rows)
    return [] if marked or not known else [row.id for row in rows]


async def _bundle(services: Services, about: Wanted) -> bytes:
    """The bundle, once all that it holds is sealed."""
    waiting = AsyncRetrying(
        retry=retry_if_result(lambda found: found is None),
        wait=wait_fixed(LOOK_EVERY),
        stop=stop_after_delay(SEAL_WITHIN),
    )
    try:
        found: bytes | None = await waiting(_try, services, about)
    except RetryError:
        raise NotSealed("What has just happened is not sealed yet. Try it again in a moment.") from None
    assert found is not None  # noqa: S101  for the type checker
    return found


async def _try(services: Services, about: Wanted) -> bytes | None:
    async with services.ctx.database.transaction() as session:
        wanted = await about(session, await services.ctx.rules.in_force(session))
        head = await sealing.newest(session)
        lines = await _lines(session, wanted)
        if head is None or any(line.leaf is None or line.leaf >= head.size for line in lines):
            return None
        return canonical(await _made(services, session, wanted, lines, head))


async def _lines(session: AsyncSession, wanted: About) -> list[Line]:
    if wanted.leaves is not None:
        return await evidence.of_span(session, *wanted.leaves)
    lines = await evidence.of_streams(session, wanted.streams)
    if len(lines) > MOST_ENTRIES:
        raise OffSchema(f"That is {len(lines)} entries, and at most {MOST_ENTRIES} go in one bundle.")
    installed = await evidence.of_policies(session, _versions([json.loads(line.body) for line in lines]))
    return sorted([*lines, *installed], key=lambda line: (line.leaf is None, line.leaf))


async def _made(
    services: Services, session: AsyncSession, wanted: About, lines: Sequence[Line], head: SignedHead
) -> bundles.Bundle:
    leaves = [line.leaf or 0 for line in lines]
    bodies = [json.loads(line.body) for line in lines]
    paths = await evidence.proofs(session, [inclusion_spans(leaf, head.size) for leaf in leaves])
    documents = await _documents(session, _versions(bodies))
    secrets = await _secrets(services, session, wanted.open)
    return {
        "v": bundles.VERSION,
        "kind": wanted.kind,
        "id": wanted.id,
        "entries": [{"leaf": leaf, "body": body} for leaf, body in zip(leaves, bodies, strict=True)],
        "proofs": [[base64.b64encode(hash_).decode() for hash_ in path] for path in paths],
        "checkpoint": head.note,
        "openings": _openings(leaves, bodies, secrets),
        "policy": [{"version": version, "document": document} for version, document in sorted(documents.items())],
        "catalogue": _catalogue(bodies, documents),
        "cards": await _cards(session, bodies, secrets),
        "grant": bundles.grants(bodies),
        "outcome": bundles.outcomes(bodies),
    }


def _versions(bodies: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted(bundles.versions(bodies))


async def _documents(session: AsyncSession, versions: Sequence[str]) -> dict[str, Any]:
    rows = [await governance.policy_version(session, version) for version in versions]
    return {row.id: row.document for row in rows if row is not None}


async def _secrets(services: Services, session: AsyncSession, ids: Collection[uuid.UUID]) -> dict[str, Secret]:
    """By kid, those that have not been erased."""
    found = dict[str, Secret]()
    for id_ in ids:
        kid = f"request:{id_}"
        try:
            found[kid] = await services.ctx.vault.find(session, kid)
        except NotFound:
            continue
    return found


def _openings(
    leaves: Sequence[int], bodies: Sequence[Mapping[str, Any]], secrets: Mapping[str, Secret]
) -> dict[str, Any]:
    used, values = set[str](), list[dict[str, Any]]()
    for leaf, body in zip(leaves, bodies, strict=True):
        sealed = body["facts"].get("sealed")
        if sealed is not None and sealed["kid"] in secrets:
            used.add(sealed["kid"])
            values.append({"leaf": leaf, "value": json.loads(secrets[sealed["kid"]].open(sealed))})
    return {"keys": {kid: secrets[kid].disclose() for kid in sorted(used)}, "values": values}


def _catalogue(bodies: Sequence[Mapping[str, Any]], documents: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of the actions that were asked for, as they were then."""
    wanted = {
        (body["facts"]["action"], body["facts"]["action_version"]) for body in bodies if body["kind"] == "admitted"
    }
    known = [entry for document in documents.values() for entry in document.get("actions", ())]
    ours = [one.action for one in BUILT_IN.values()]
    known += [entry_of(one.name, one.title, one.parameters) for one in ours]
    by_version = {(entry["name"], sha256(entry)): entry for entry in known}
    found = sorted(wanted & by_version.keys())
    return [{"action": name, "version": version, "entry": by_version[name, version]} for name, version in found]


async def _cards(
    session: AsyncSession, bodies: Sequence[Mapping[str, Any]], secrets: Mapping[str, Secret]
) -> list[dict[str, Any]]:
    """What decisions were made on, in clear where its request is opened."""
    named = {
        (body["stream"], body["facts"]["card"])
        for body in bodies
        if body["kind"] in ("decided", "withdrawn") and "card" in body["facts"] and body["stream"] in secrets
    }
    kept = await evidence.cards(session, {uuid.UUID(stream.partition(":")[2]) for stream, _ in named})
    return [
        {
            "request": str(one.request_id),
            "card": one.hash,
            "content": json.loads(secrets[f"request:{one.request_id}"].open(one.blocks)),
            "not_shown": one.not_shown,
        }
        for one in kept
        if (f"request:{one.request_id}", one.hash) in named
    ]
