"""Ports stay the same from one start to the next, when they are free."""

from __future__ import annotations

import socket
from pathlib import Path

from app.devstack.ports import LOOPBACK, free_port, is_free, keep_port


def test_a_port_is_kept(tmp_path: Path) -> None:
    assert keep_port(tmp_path / "port") == keep_port(tmp_path / "port")


def test_a_port_that_somebody_took_is_replaced_for_good(tmp_path: Path) -> None:
    first = keep_port(tmp_path / "port")
    with socket.create_server((LOOPBACK, first)):
        assert not is_free(first)
        second = keep_port(tmp_path / "port")
    assert second != first
    assert keep_port(tmp_path / "port") == second


def test_a_damaged_note_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("x")
    assert str(keep_port(tmp_path / "port")) == (tmp_path / "port").read_text()


def test_a_free_port_is_free() -> None:
    assert is_free(free_port())
