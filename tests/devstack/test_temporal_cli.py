"""Where the Temporal CLI comes from, in this order: PATH, cache, download, Go."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from app.devstack import temporal_cli as cli
from app.devstack.errors import StackError
from app.devstack.programs import Provider

USABLE = "temporal version 9 (Server 1.29.1, UI 2)"
OLD = "temporal version 1 (Server 1.20.0, UI 2)"


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH."""
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path / "path"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which providers were asked; all of them fail."""
    asked: list[str] = []

    def failing(name: str) -> Provider:
        async def provider(_: Path) -> None:
            asked.append(name)
            raise StackError(f"{name} failed")

        return provider

    for name in ("download", "build"):
        monkeypatch.setattr(cli, name, failing(name))
    return asked


async def test_what_is_on_path_comes_first(path: Path, tmp_path: Path, asked: list[str]) -> None:
    program(tmp_path / "cache" / f"temporal-{cli.VERSION}", USABLE)
    usable = program(path / "temporal", USABLE)
    assert await cli.temporal_binary(tmp_path / "cache") == usable
    assert asked == []


@pytest.mark.parametrize("says", [OLD, "another program called temporal"])
async def test_what_is_unusable_on_path_is_passed_by(path: Path, tmp_path: Path, asked: list[str], says: str) -> None:
    program(path / "temporal", says)
    cached = program(tmp_path / "cache" / f"temporal-{cli.VERSION}", USABLE)
    assert await cli.temporal_binary(tmp_path / "cache") == cached
    assert asked == []


@pytest.mark.usefixtures("path")
async def test_download_comes_before_go_and_all_reasons_are_told(tmp_path: Path, asked: list[str]) -> None:
    with pytest.raises(StackError, match=r"download failed; build failed\. Install Go"):
        await cli.temporal_binary(tmp_path / "cache")
    assert asked == ["download", "build"]
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [f"temporal-{cli.VERSION}.lock"]


@pytest.mark.usefixtures("path")
async def test_two_who_want_it_make_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    async def provider(target: Path) -> None:
        made.append(target)
        await asyncio.sleep(0)  # lets the other one in, if the lock does
        program(target, USABLE)

    monkeypatch.setattr(cli, "download", provider)
    both = await asyncio.gather(*(cli.temporal_binary(tmp_path / "cache") for _ in range(2)))
    assert both == [tmp_path / "cache" / f"temporal-{cli.VERSION}"] * 2
    assert len(made) == 1


async def test_the_cache_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INTERLOCK_CACHE", str(tmp_path))
    assert cli.cache_directory() == tmp_path
    monkeypatch.delenv("INTERLOCK_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cli.cache_directory() == tmp_path / ".cache" / "interlock"


@pytest.mark.usefixtures("path")
async def test_without_go_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="Go is not installed"):
        await cli.build(tmp_path / "temporal")


async def test_go_is_told_not_to_change_the_module(path: Path, tmp_path: Path) -> None:
    program(path / "go", "").write_text('#!/bin/sh\necho "$@"\nexit 1\n')
    with pytest.raises(StackError, match=f"-mod=readonly .*{cli.PACKAGE}"):
        await cli.build(tmp_path / "temporal")


def test_the_module_fixes_the_version_and_every_source() -> None:
    module = (cli.MODULE / "go.mod").read_text()
    assert f"tool {cli.PACKAGE}" in module
    assert f"github.com/temporalio/cli v{cli.VERSION}" in module
    assert f"github.com/temporalio/cli v{cli.VERSION} h1:" in (cli.MODULE / "go.sum").read_text()
