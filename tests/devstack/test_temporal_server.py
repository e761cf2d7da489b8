"""Temporal's dev server: answers, keeps workflows and port, recovers."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest
from temporalio.client import Client

from app.devstack import AlreadyRunning, TemporalServer
from tests.devstack.waiting import gone


async def test_workflows_and_port_outlive_a_restart(place: Path) -> None:
    async with TemporalServer.start(place) as server:
        first, address = server.pid, server.address
        client = await Client.connect(address)
        await client.start_workflow("Nobody", id="waits", task_queue="nobody")
    assert gone(first)
    async with TemporalServer.start(place) as server:
        assert server.address == address
        client = await Client.connect(address)
        assert (await client.get_workflow_handle("waits").describe()).workflow_type == "Nobody"


async def test_the_tuned_settings_are_set(place: Path) -> None:
    async with TemporalServer.start(place) as server:
        cmdline = psutil.Process(server.pid).cmdline()
    assert {"journal_mode=WAL", "synchronous=NORMAL"} <= set(cmdline)
    assert "history.transferProcessorMaxPollRPS=2000" in cmdline
    assert {"--headless", "127.0.0.1"} <= set(cmdline)


async def test_without_a_place_nothing_is_left() -> None:
    async with TemporalServer.start() as server:
        cmdline = psutil.Process(server.pid).cmdline()
        database = cmdline[cmdline.index("--db-filename") + 1]
        assert os.access(database, os.R_OK)
    assert not os.access(database, os.F_OK)


async def test_the_second_server_on_a_directory_is_refused(place: Path) -> None:
    async with TemporalServer.start(place):
        with pytest.raises(AlreadyRunning):
            async with TemporalServer.start(place):
                pass


async def test_it_is_launched_again_after_a_kill_on_the_same_port(place: Path) -> None:
    server = TemporalServer(place)
    child = await server.launch()
    try:
        address = server.address
        psutil.Process(child.pid).kill()
        await child.exited()
        assert (await server.launch()).pid == server.pid != child.pid
        assert server.address == address
    finally:
        await server.stop()
