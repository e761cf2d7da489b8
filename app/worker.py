"""Composition root of the worker process: workflows, steps, executions, the outbox and the sweeper."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta

from app import settings as configuration
from app.activities.execution import Executor
from app.activities.request import RequestActivities
from app.activities.worker import build_worker
from app.execution.http import new_client
from app.keys import KeyRings
from app.outbox.reconciler import Reconciler, Sink
from app.outbox.sinks import Wake
from app.parts import build_context
from app.settings import Settings
from app.steps.context import Context
from app.telemetry import configure_logging
from app.temporal import connect
from app.use_cases.services import Services, Waiters
from app.use_cases.upkeep import Nudge, sweep_forever


async def work(settings: Settings, rings: KeyRings, stop: asyncio.Event) -> None:
    """Work until told to stop."""
    ctx = build_context(settings, rings)
    client = await connect(settings.temporal, rings)
    services = Services(ctx, client, settings.temporal.task_queue, Waiters(), rings.tokens, settings.api.base_url)
    async with new_client() as http:
        activities = RequestActivities(ctx, Executor(ctx, http, at_once=settings.worker.max_executions))
        async with build_worker(client, settings.temporal.task_queue, activities):
            await _until_stopped(settings, ctx, services, stop)
    await ctx.database.close()


async def _until_stopped(settings: Settings, ctx: Context, services: Services, stop: asyncio.Event) -> None:
    sinks: dict[str, Sink] = {"wake": Wake(ctx.database), "nudge": Nudge(services)}
    reconciler = asyncio.create_task(Reconciler(ctx.database, sinks).run())
    sweeper = asyncio.create_task(
        sweep_forever(services, every=settings.worker.sweep_every, overdue=timedelta(seconds=settings.worker.overdue))
    )
    if settings.worker.ready_file is not None:
        settings.worker.ready_file.touch()
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({reconciler, sweeper, stopped}, return_when=asyncio.FIRST_COMPLETED)
    for task in (reconciler, sweeper):
        if task.done():
            task.result()
        task.cancel()
    stopped.cancel()


async def _main() -> None:
    settings = configuration.load()
    configure_logging()
    rings = KeyRings.load(settings.keys.dir)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await work(settings, rings, stop)


def main() -> None:
    """Run the worker until SIGTERM or SIGINT."""
    asyncio.run(_main())


if __name__ == "__main__":
    main()
