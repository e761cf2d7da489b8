"""Composition root of the worker process: workflows, steps, executions, the outbox and the sweeper."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx

from app import settings as configuration
from app.activities.execution import Executor
from app.activities.handing import build_handing_worker, execution_queue
from app.activities.incident import IncidentActivities
from app.activities.request import RequestActivities
from app.activities.review import ReviewActivities
from app.activities.worker import build_worker
from app.domain.errors import Misconfigured
from app.execution.http import new_client
from app.execution.posting import Endpoint
from app.execution.temporal import Handing
from app.keys import KeyRings, KeysInvalid
from app.ledger.anchors.building import build_anchors
from app.ledger.notes import Signer
from app.ledger.sequencer import Sequencer
from app.outbox.reconciler import Reconciler, Sink
from app.outbox.sinks import Wake
from app.own_role import check_role, check_sequencer
from app.parts import build_context
from app.settings import Settings
from app.slack.sending import Sending, build_sending
from app.steps.context import Context
from app.steps.incident_run import SINK
from app.steps.scene import WEBHOOK
from app.telemetry import configure_logging
from app.temporal import connect, plain
from app.use_cases.anchoring import Anchoring
from app.use_cases.erasures import carry_out_forever
from app.use_cases.exporting import LEASE, SPAN, Export, Exporter
from app.use_cases.leases import Leadership
from app.use_cases.retention import retain_forever
from app.use_cases.schedules import agree_forever
from app.use_cases.services import Services, Waiters
from app.use_cases.temporal import run_items
from app.use_cases.upkeep import Nudge, record_stops_forever, sweep_forever
from app.use_cases.webhooks import Webhooks
from app.workspace import connected


async def work(settings: Settings, rings: KeyRings, stop: asyncio.Event) -> None:
    """Work until told to stop."""
    ctx = build_context(settings, rings)
    async with new_client() as http, _slack(settings, ctx) as sending:
        queue, client = settings.temporal.task_queue, await connect(settings.temporal, rings)
        services = Services(ctx, client, queue, Waiters(), rings.tokens, settings.api.base_url)
        in_clear = plain(client)
        handing = Handing(in_clear, execution_queue(queue))
        activities = RequestActivities(ctx, Executor(ctx, http, handing, at_once=settings.worker.max_executions))
        ours = build_worker(client, queue, activities, ReviewActivities(ctx), IncidentActivities(ctx))
        async with build_handing_worker(in_clear, queue), ours:
            signer = Signer(settings.ledger_origin, rings.ledger)
            anchoring = Anchoring(
                ctx, build_anchors(settings.ledger.anchors), signer.verifiers(), settings.ledger.anchor_every
            )
            more = [Sequencer(settings.database.to_seal, signer).run(), anchoring.run()]
            more.append(build_exporter(settings, ctx, http).run())
            async with Webhooks(ctx, http, settings.webhook_keys) as webhooks:
                await _until_stopped(settings, services, sending, webhooks, more=more, stop=stop)
    await ctx.database.close()


def build_exporter(settings: Settings, ctx: Context, http: httpx.AsyncClient) -> Exporter:
    """What sends the sealed ledger to the endpoints of the settings. ``http``: of `new_client`."""
    exports = [
        Export(Endpoint(name, one.url, one.keys, one.private), one.start) for name, one in settings.exports.items()
    ]
    return Exporter(Leadership(ctx, LEASE, SPAN), http, settings.ledger_origin, exports)


@asynccontextmanager
async def _slack(settings: Settings, ctx: Context) -> AsyncIterator[Sending | None]:
    """What this worker does for Slack, if there is a Slack. Raises Misconfigured for a token that is not valid."""
    async with connected(settings.slack) as slack:
        if slack is None:
            yield None
            return
        await slack.team.ask()
        yield build_sending(
            ctx,
            slack.web,
            team=slack.team,
            rate=settings.slack.rate,
            digest_above=settings.slack.digest_above,
            call_timeout=settings.slack.call_timeout,
        )


async def _until_stopped(
    settings: Settings,
    services: Services,
    sending: Sending | None,
    webhooks: Webhooks,
    *,
    more: Sequence[Coroutine[Any, Any, None]],
    stop: asyncio.Event,
) -> None:
    sinks: dict[str, Sink] = {"wake": Wake(services.ctx.database), "nudge": Nudge(services)}
    sinks |= {SINK: Nudge(services, run_items), WEBHOOK: webhooks}
    overdue = timedelta(seconds=settings.worker.overdue)
    work = [sweep_forever(services, every=settings.worker.sweep_every, overdue=overdue)]
    work.append(record_stops_forever(services))
    work.append(agree_forever(services))
    work.extend(more)
    work.append(carry_out_forever(services))
    work.append(retain_forever(services, settings.retention.spans))
    if sending is not None:
        sinks["slack"] = sending.spread
        work.append(sending.run())
    work.append(Reconciler(services.ctx.database, sinks).run())
    tasks = [asyncio.create_task(part) for part in work]
    if settings.worker.ready_file is not None:
        settings.worker.ready_file.touch()
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, stopped):
        if task.done():
            task.result()
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _main() -> None:
    settings = configuration.load()
    configure_logging()
    rings = KeyRings.load(settings.keys.dir)
    await check_role(settings)
    await check_sequencer(settings)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await work(settings, rings, stop)


def main() -> None:
    """Run the worker until SIGTERM or SIGINT; what is misconfigured is said on stderr, exit code 1."""
    try:
        asyncio.run(_main())
    except (Misconfigured, KeysInvalid) as error:
        sys.exit(f"interlock worker: {error}")


if __name__ == "__main__":
    main()
