"""``python -m tests.fakes.slack``: runs a workspace until SIGINT or SIGTERM; prints its URL once it answers."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from tests.fakes.slack.control import add_control
from tests.fakes.slack.server import SlackFake


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.slack", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument(
        "--signing-secret", default="", help="what signs people's acts; or tell it later, at /control/signing-secret"
    )
    parser.add_argument("--events-url", help="where people's acts go; without it, over a socket")
    parser.add_argument("--token", default="xoxb-dev", help="the bot's token")
    parser.add_argument("--app-token", default="xapp-dev", help="the token of Socket Mode")
    parser.add_argument("--team", default="T0SHOP", help="the workspace's id")
    parser.add_argument("--user", action="append", default=[], help="ID=email; may be repeated")
    parser.add_argument(
        "--channel", action="append", default=[], help="ID or ID=name, everybody in it; may be repeated"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="multiplies Slack's rate limits; 0: none")
    return parser.parse_args()


def _fill(fake: SlackFake, users: list[str], channels: list[str]) -> None:
    for user in users:
        ident, _, email = user.partition("=")
        name = email.partition("@")[0] or ident.lower()
        fake.workspace.add_user(ident, name, email or None)
    for channel in channels:
        ident, _, name = channel.partition("=")
        fake.workspace.add_channel(ident, name or None)


async def _run(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stopped.set)
    async with SlackFake.serving(
        signing_secret=arguments.signing_secret,
        events_url=arguments.events_url,
        token=arguments.token,
        app_token=arguments.app_token,
        team=arguments.team,
        rate=arguments.rate or None,
        port=arguments.port,
        routes=add_control,
    ) as fake:
        _fill(fake, arguments.user, arguments.channel)
        sys.stdout.write(f"{fake.url}\n")
        sys.stdout.flush()
        await stopped.wait()


asyncio.run(_run(_arguments()))
