"""What a card says of a request, read in one transaction; and the record of what was put before people."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, requests
from app.db.tables import Decision, ExecutionAttempt, Request
from app.domain.clocks import moment
from app.domain.errors import NotFound
from app.domain.separation import exclusions
from app.domain.states import Status
from app.governance.policy import Policy
from app.steps import shown
from app.steps.context import Context
from app.steps.crowd import crowd
from app.steps.facts import Bench, bench_with
from app.steps.scene import NO_SUCH_REQUEST
from app.use_cases.card_facts import CardFacts, DecisionFacts, ExclusionFacts, ExecutionFacts, StageFacts
from app.use_cases.services import Services


async def facts(services: Services, request_id: uuid.UUID) -> CardFacts:
    """What a card of this request says now. Raises NotFound."""
    async with services.ctx.database.transaction() as session:
        row = await requests.by_id(session, request_id)
        if row is None:
            raise NotFound(NO_SUCH_REQUEST)
        return await facts_of(services.ctx, session, row)


async def show(services: Services, request_id: uuid.UUID, content: Any) -> str:
    """Keep what is about to be put before people; the hash that decisions on it carry. Raises NotFound."""
    async with services.ctx.database.transaction() as session:
        row = await requests.by_id(session, request_id)
        if row is None:
            raise NotFound(NO_SUCH_REQUEST)
        secret = await services.ctx.vault.find(session, f"request:{row.id}")
        _, not_shown = await _masks(services.ctx, session, row)
        return await shown.keep(session, secret, row, content, not_shown)


async def _masks(ctx: Context, session: AsyncSession, row: Request) -> tuple[Any, tuple[str, ...]]:
    admitted = await ctx.rules.version(session, row.policy_version)
    return shown.masks(row, admitted, await ctx.rules.in_force(session))


async def facts_of(ctx: Context, session: AsyncSession, row: Request) -> CardFacts:
    """What a card of this request says, as the caller's transaction sees it."""
    policy = await ctx.rules.in_force(session)
    made = await requests.decisions(session, row.id)
    tries = await requests.execution_attempts(session, row.id)
    people = bench_with(made, row, policy, await crowd(session))
    names = {person.id: person.name for person in await governance.persons(session)}
    parameters, not_shown = await _masks(ctx, session, row)
    action = policy.actions.get(row.action) or (await ctx.rules.version(session, row.policy_version)).action(row.action)
    bot = policy.bots.get(row.asker_id)
    held = row.status == Status.HELD
    return CardFacts(
        request_id=str(row.id),
        version=row.version,
        kind=row.kind,
        status=row.status,
        environment=row.environment,
        digest=row.digest,
        bot=row.asker_id,
        bot_title=bot.title if bot else row.asker_id,
        action=row.action,
        title=action.title,
        risk=row.risk,
        reversibility=row.reversibility,
        on_behalf_of=row.on_behalf_of,
        triggered_by=row.triggered_by,
        reason=row.reason,
        prompt_excerpt=(row.context or {}).get("prompt_excerpt"),
        parameters=parameters,
        not_shown=not_shown,
        rules={rule["name"]: rule["outcome"] for rule in row.verdict["rules"]},
        verdict_code=row.verdict["code"],
        verdict_reason=row.verdict["reason"],
        plan=None if row.plan is None else row.plan["name"],
        stages=_stages(row, made, people),
        may_decide=tuple(names[person] for person in people.may_decide()) if held else (),
        excluded=_excluded(people, policy, names) if held else (),
        decisions=tuple(_decision(row, decision, names) for decision in made),
        refusals=await requests.refusal_count(session, row.id),
        created_at=row.created_at,
        expires_at=row.expires_at,
        updated_at=row.updated_at,
        ended_why=row.ended_why,
        execution=_execution(row, tries),
    )


def _stages(row: Request, made: Sequence[Decision], people: Bench) -> tuple[StageFacts, ...]:
    stages = (row.plan or {"stages": []})["stages"]
    return tuple(
        StageFacts(
            name=stage["name"],
            groups=tuple(stage["groups"]),
            quorum=stage["quorum"],
            approvals=_approvals(index, stage["status"], made, people),
            status=stage["status"],
            level=stage["level"],
            reason_required=stage["reason_required"],
            closes_at=stage["closes_at"] and moment(stage["closes_at"]),
        )
        for index, stage in enumerate(stages)
    )


def _approvals(index: int, status: str, made: Sequence[Decision], people: Bench) -> int:
    plan = people.facts.plan
    if status == "open" and plan is not None:
        return len(people.tally(plan, index).approvals)  # a vote that no longer counts is not shown as one that does
    return sum(1 for decision in made if decision.standing and decision.stage == index and decision.say == "approve")


def _excluded(people: Bench, policy: Policy, names: dict[str, str]) -> tuple[ExclusionFacts, ...]:
    """Members of the open stage's groups who stand too close to decide it."""
    plan = people.facts.plan
    if plan is None or plan.open_stage is None:
        return ()
    members = sorted({person for group in plan.stages[plan.open_stage].groups for person in policy.members(group)})
    judged = ((id_, exclusions(people.people[id_], people.facts)) for id_ in members if id_ in people.people)
    return tuple(ExclusionFacts(names[id_], tuple(v.invariant for v in broken)) for id_, broken in judged if broken)


def _decision(row: Request, made: Decision, names: dict[str, str]) -> DecisionFacts:
    stages = (row.plan or {"stages": []})["stages"]
    return DecisionFacts(
        person=names[made.person_id],
        say=made.say,
        reason=made.reason,
        stage=stages[made.stage]["name"] if made.stage < len(stages) else None,
        via=made.via,
        at=made.at,
        standing=made.standing,
    )


def _execution(row: Request, tries: Sequence[ExecutionAttempt]) -> ExecutionFacts | None:
    if row.execution is None:
        return None
    status = (row.execution.get("error") or {}).get("status")
    return ExecutionFacts(
        attempts=len(tries),
        started_at=tries[0].started_at if tries else None,
        finished_at=tries[-1].finished_at if tries else None,
        status=row.execution.get("status"),
        http_status=status if isinstance(status, int) else None,
    )
