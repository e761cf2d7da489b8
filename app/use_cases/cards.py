"""What a card says of a request, read in one transaction; and the record of what was put before people."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import governance, requests, reviews, stops
from app.db.tables import Decision, ExecutionAttempt, Request
from app.domain.clocks import moment
from app.domain.errors import Forbidden, NotFound
from app.domain.request import Kind
from app.domain.rollback import WARNINGS
from app.domain.separation import exclusions
from app.domain.states import OPEN, Status
from app.governance.built_in import RESUME_BOT, RESUME_INSTALLATION
from app.governance.masking import masked, secrets, without
from app.governance.policy import Policy
from app.steps import shown
from app.steps.away import absent
from app.steps.context import Context
from app.steps.crowd import Crowd, crowd
from app.steps.facts import Bench, bench_with
from app.steps.incident_item import part_of
from app.steps.rollback import original_of
from app.steps.scene import NO_SUCH_REQUEST, secret_of
from app.use_cases.actors import Actor, person_id
from app.use_cases.card_facts import (
    AwayFacts,
    CardFacts,
    DecisionFacts,
    EscalationFacts,
    ExclusionFacts,
    ExecutionFacts,
    GlassFacts,
    OriginalFacts,
    RollbackFacts,
    RunningFacts,
    SettlementFacts,
    StageFacts,
    StopFacts,
    UndoFacts,
)
from app.use_cases.incident_cards import incident_of
from app.use_cases.rollback import looked_at
from app.use_cases.services import Services
from app.use_cases.stop import may_stop, require_stopper
from app.use_cases.views import warnings

ALL_BOTS = "all bots"


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
        secret = await secret_of(services.ctx, session, row)
        _, not_shown = await _masks(services.ctx, session, row)
        return await shown.keep(session, secret, row, content, not_shown)


async def _masks(ctx: Context, session: AsyncSession, row: Request) -> tuple[Any, tuple[str, ...]]:
    original = None if row.reverses is None else await requests.by_id(session, row.reverses)
    originals = [] if original is None else [original]
    if row.kind == Kind.INCIDENT_ROLLBACK:
        originals = list(await requests.by_ids(session, [uuid.UUID(one["request"]) for one in row.parameters["items"]]))
    versions = {row.policy_version, *(one.policy_version for one in originals)}
    policies = [await ctx.rules.version(session, version) for version in sorted(versions)]
    return shown.masks(row, *policies, await ctx.rules.in_force(session), original=original)


async def undo(services: Services, who: Actor, request_id: uuid.UUID) -> tuple[CardFacts, UndoFacts]:
    """A request and what a rollback of it would run, for who may ask for one. Raises as `roll_back`."""
    how = await looked_at(services, who, request_id)
    async with services.ctx.database.transaction() as session:
        row = await requests.by_id(session, request_id)
        if row is None:
            raise NotFound(NO_SUCH_REQUEST)
        policy = await services.ctx.rules.in_force(session)
        parameters, not_shown = masked(how.parameters, sorted(how.action.sensitive))
        parameters, more = without(parameters, secrets(row.parameters, sorted(policy.actions[row.action].sensitive)))
        until = (await original_of(session, policy, row)).until
        told = (WARNINGS[Status(row.status)],) if row.status in WARNINGS else ()
        facts = await facts_of(services.ctx, session, row)
    return facts, UndoFacts(how.action.title, how.action.name, parameters, (*not_shown, *more), until, told)


async def stop(services: Services, who: Actor, bot: str | None) -> StopFacts:
    """A bot (None: the installation) and what a stop would do to it, for who may stop it.

    Raises NotFound, Forbidden.
    """
    person = person_id(who)
    async with services.own.of(("stop", who.key)), services.ctx.database.urgent() as session:
        policy = await services.ctx.rules.in_force(session)
        await require_stopper(session, policy, person, bot)
        found = await _stop_of(session, policy, bot)
        if found is None:
            raise NotFound(f"There is no bot {bot}.")
        running = tuple(
            RunningFacts(str(one.request_id), one.attempt, one.action, one.started_at)
            for one in await stops.in_flight(session, bot)
        )
        return replace(found, waiting=await stops.open_requests(session, bot), running=running)


async def stoppable(services: Services, who: Actor) -> list[str]:
    """The bots that this person may stop, by id. Raises Forbidden for who may stop none."""
    person = person_id(who)
    async with services.ctx.database.transaction() as session:
        policy = await services.ctx.rules.in_force(session)
    found = sorted(bot for bot in policy.bots if may_stop(policy, person, bot))
    if not found:
        raise Forbidden("To stop a bot one must be a responder or hold its security seat.")
    return found


async def _stop_of(session: AsyncSession, policy: Policy, bot: str | None) -> StopFacts | None:
    row = await (governance.installation(session) if bot is None else governance.bot(session, bot))
    if row is None:
        return None
    reason = None if row.suspended_at is None else row.stop_reason
    return StopFacts(bot, _title(policy, bot), row.suspended_at, reason, row.stop_epoch)


def _title(policy: Policy, bot: str | None) -> str:
    if bot is None:
        return ALL_BOTS
    return policy.bots[bot].title if bot in policy.bots else bot


async def facts_of(ctx: Context, session: AsyncSession, row: Request) -> CardFacts:
    """What a card of this request says, as the caller's transaction sees it."""
    policy = await ctx.rules.in_force(session)
    made = await requests.decisions(session, row.id)
    tries = await requests.execution_attempts(session, row.id)
    everybody = await crowd(session, await ctx.clock.now(session))
    people = bench_with(made, row, policy, everybody)
    names = {person.id: person.name for person in await governance.persons(session)}
    parameters, not_shown = await _masks(ctx, session, row)
    admitted = await ctx.rules.version(session, row.policy_version)
    in_force = await governance.in_force(session, row.bot)
    stopped = row.status in (Status.HELD, Status.APPROVED) and await stops.is_stopped(session, row.id)
    held = row.status == Status.HELD and not stopped
    return CardFacts(
        request_id=str(row.id),
        version=row.version,
        kind=row.kind,
        status=Status.REVOKED.value if stopped else row.status,
        environment=row.environment,
        digest=row.digest,
        bot=row.bot,
        bot_title=_title(policy, row.bot),
        action=row.action,
        title=await _title_of(ctx, session, row),
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
        stages=_stages(row, made, people, stopped=stopped),
        may_decide=tuple(names[person] for person in people.may_decide()) if held else (),
        excluded=_excluded(people, policy, names) if held else (),
        decisions=tuple(_decision(row, decision, names) for decision in made),
        refusals=await requests.refusal_count(session, row.id),
        created_at=row.created_at,
        expires_at=row.expires_at,
        updated_at=row.updated_at,
        ended_why="stopped" if stopped else row.ended_why,
        execution=_execution(row, tries),
        asker=names.get(row.asker_id, row.asker_id) if row.asker_kind == "person" else None,
        ended_reason=in_force.why_stopped(row.stop_epochs) if stopped else row.ended_reason,
        warnings=tuple(warnings(policy, row)),
        settlements=await _settlements(session, row, names),
        reversed_by=await _reversed_by(session, row, names),
        original=await _original(ctx, session, row),
        stop=await _ended_stop(session, policy, row),
        changes=_changes(row),
        loosens=sum(1 for one in (row.ground or {}).get("changes", ()) if one["loosens"] is not False),
        away=_away(people, policy, everybody, names) if held else (),
        glass=await _glass(session, row, names),
        incident=await incident_of(session, (policy, admitted), row, parameters, names),
        erased_at=row.erased_at,
    )


async def _title_of(ctx: Context, session: AsyncSession, row: Request) -> str:
    """The action's title; its name where neither the rules in force nor those of its admission know it."""
    for policy in (await ctx.rules.in_force(session), await ctx.rules.version(session, row.policy_version)):
        action = policy.find(row.action)
        if action is not None:
            return action.title
    return row.action


def _changes(row: Request) -> tuple[str, ...]:
    """What a publication changes, in Interlock's words."""
    ground = row.ground or {}
    said = [sentence for one in ground.get("changes", ()) for sentence in one["sentences"]]
    left = ground.get("changes_left", 0)
    return (*said, *((f"and {left:,} more",) if left else ()))


async def _original(ctx: Context, session: AsyncSession, row: Request) -> OriginalFacts | None:
    """What a rollback undoes; never its result, in which a target may say anything."""
    was = None if row.reverses is None else await requests.by_id(session, row.reverses)
    if was is None:
        return None
    parameters, not_shown = await _masks(ctx, session, was)
    tries = await requests.execution_attempts(session, was.id)
    return OriginalFacts(
        request_id=str(was.id),
        title=await _title_of(ctx, session, was),
        action=was.action,
        parameters=parameters,
        not_shown=not_shown,
        status=was.status,
        status_then=(row.undoes or {}).get("status", was.status),
        ended_at=tries[-1].finished_at if tries else None,
    )


async def _settlements(session: AsyncSession, row: Request, names: dict[str, str]) -> tuple[SettlementFacts, ...]:
    said = [] if row.execution is None else await requests.settlements(session, row.id)
    return tuple(SettlementFacts(names[one.person_id], one.status, one.reason, one.at) for one in said)


async def _reversed_by(session: AsyncSession, row: Request, names: dict[str, str]) -> tuple[RollbackFacts, ...]:
    live = [] if row.kind != Kind.ACTION else await requests.live_rollbacks(session, [row.id])
    return tuple(
        RollbackFacts(str(one.id), one.status, names.get(one.asker_id, one.asker_id), _part_of(one)) for one in live
    )


def _part_of(row: Request) -> str | None:
    found = part_of(row)
    return None if found is None else str(found)


async def _ended_stop(session: AsyncSession, policy: Policy, row: Request) -> StopFacts | None:
    """The stop that a request would end, while it may."""
    resumes = row.action in (RESUME_BOT, RESUME_INSTALLATION) and Status(row.status) in OPEN
    return await _stop_of(session, policy, row.bot) if resumes else None


async def _glass(session: AsyncSession, row: Request, names: dict[str, str]) -> GlassFacts | None:
    broken = row.break_glass
    review = None if broken is None else await reviews.by_id(session, uuid.UUID(broken["review"]))
    if broken is None or review is None:
        return None
    return GlassFacts(
        person=names[broken["by"]],
        reason=broken["reason"],
        at=moment(broken["at"]),
        reviewers=tuple(names[person] for person in review.reviewers),
        due_at=review.due_at,
        finding=review.finding,
        reviewer=None if review.done_by is None else names[review.done_by],
        found=review.reason,
        void_at=broken["void_at"] and moment(broken["void_at"]),
    )


def _stages(row: Request, made: Sequence[Decision], people: Bench, *, stopped: bool) -> tuple[StageFacts, ...]:
    stages = (row.plan or {"stages": []})["stages"]
    return tuple(
        StageFacts(
            name=stage["name"],
            groups=tuple(stage["groups"]),
            quorum=stage["quorum"],
            approvals=_approvals(index, stage["status"], made, people),
            status="closed" if stopped and stage["status"] != "passed" else stage["status"],
            level=stage["level"],
            reason_required=stage["reason_required"],
            closes_at=stage["closes_at"] and moment(stage["closes_at"]),
            remind_at=moment(stage["remind_at"][0]) if stage.get("remind_at") and not stopped else None,
            escalations=tuple(_escalations(stage)),
        )
        for index, stage in enumerate(stages)
    )


def _escalations(stage: dict[str, Any]) -> Iterator[EscalationFacts]:
    """Each with the groups that were asked until then."""
    told = stage.get("escalations", [])
    added = {group for one in told for group in one["to"]}
    before = tuple(group for group in stage["groups"] if group not in added)
    for one in told:
        yield EscalationFacts(before, tuple(one["to"]), one["why"], moment(one["at"]))
        before += tuple(one["to"])


def _approvals(index: int, status: str, made: Sequence[Decision], people: Bench) -> int:
    plan = people.facts.plan
    if status == "open" and plan is not None:
        return people.tally(plan, index).count  # a vote that no longer counts is not shown as one that does
    return sum(1 for decision in made if decision.standing and decision.stage == index and decision.say == "approve")


def _excluded(people: Bench, policy: Policy, names: dict[str, str]) -> tuple[ExclusionFacts, ...]:
    """Members of the open stage's groups who stand too close to decide it."""
    plan = people.facts.plan
    if plan is None or plan.open_stage is None:
        return ()
    members = sorted({person for group in plan.stages[plan.open_stage].groups for person in policy.members(group)})
    judged = ((id_, exclusions(people.people[id_], people.facts)) for id_ in members if id_ in people.people)
    return tuple(ExclusionFacts(names[id_], tuple(v.invariant for v in broken)) for id_, broken in judged if broken)


def _away(people: Bench, policy: Policy, everybody: Crowd, names: dict[str, str]) -> tuple[AwayFacts, ...]:
    return tuple(
        AwayFacts(names[one.person], one.until, None if one.delegate is None else names[one.delegate])
        for one in absent(people, policy, everybody)
    )


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
