"""Where the time-skipping test server comes from, in this order: PATH, cache, download, Maven; and that it skips."""

from __future__ import annotations

import asyncio
import hashlib
import time
import xml.etree.ElementTree as ET
from datetime import timedelta
from pathlib import Path

import pytest

from app.devstack import time_skipping as skipping
from app.devstack.errors import StackError
from app.devstack.programs import Provider

NAME = f"{skipping.PROGRAM}-{skipping.VERSION}"
FETCHES = """#!/bin/sh
for argument; do case "$argument" in -DoutputDirectory=*) jars="${argument#*=}" ;; esac; done
/bin/mkdir -p "$jars" && printf one > "$jars/one.jar" && printf two > "$jars/two.jar"
"""


def program(path: Path, script: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory on PATH."""
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path / "path"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A small module of two jars, and their list."""
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "pom.xml").touch()
    lines = (f"{hashlib.sha256(word.encode()).hexdigest()}  {word}.jar\n" for word in ("one", "two"))
    (tmp_path / "module" / "jars.sha256").write_text("".join(lines))
    return tmp_path / "module"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which providers were asked; all of them fail."""
    asked: list[str] = []

    def failing(name: str) -> Provider:
        async def provider(_: Path) -> None:
            asked.append(name)
            raise StackError(f"{name} failed")

        return provider

    for name in ("download", "fetch"):
        monkeypatch.setattr(skipping, name, failing(name))
    return asked


async def test_thirty_days_pass_in_seconds() -> None:
    async with skipping.time_skipping_server() as server:
        before, since = await server.get_current_time(), time.monotonic()
        await server.sleep(timedelta(days=30))
        passed = await server.get_current_time() - before
        assert timedelta(days=30) <= passed <= timedelta(days=30, minutes=1)
        assert time.monotonic() - since < 30


async def test_what_does_not_start_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "no-such-program"
    with pytest.raises(StackError, match="no-such-program did not start"):
        async with skipping.time_skipping_server(program=broken):
            pass


async def test_what_is_on_path_comes_first(path: Path, tmp_path: Path, asked: list[str]) -> None:
    program(tmp_path / "cache" / NAME / skipping.PROGRAM)
    found = program(path / skipping.PROGRAM)
    assert await skipping.time_skipping_program(tmp_path / "cache") == found
    assert asked == []


@pytest.mark.usefixtures("path")
async def test_what_is_cached_comes_next(tmp_path: Path, asked: list[str]) -> None:
    cached = program(tmp_path / "cache" / NAME / skipping.PROGRAM)
    assert await skipping.time_skipping_program(tmp_path / "cache") == cached
    assert asked == []


@pytest.mark.usefixtures("path")
async def test_download_comes_before_maven_and_all_reasons_are_told(tmp_path: Path, asked: list[str]) -> None:
    with pytest.raises(StackError, match=r"download failed; fetch failed\. Install a Java runtime.* and Maven"):
        await skipping.time_skipping_program(tmp_path / "cache")
    assert asked == ["download", "fetch"]
    assert [file.name for file in (tmp_path / "cache").iterdir()] == [f"{NAME}.lock"]


@pytest.mark.usefixtures("path")
async def test_two_who_want_it_make_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    async def provider(place: Path) -> None:
        made.append(place)
        await asyncio.sleep(0)  # lets the other one in, if the lock does
        program(place / skipping.PROGRAM)

    monkeypatch.setattr(skipping, "download", provider)
    both = await asyncio.gather(*(skipping.time_skipping_program(tmp_path / "cache") for _ in range(2)))
    assert both == [tmp_path / "cache" / NAME / skipping.PROGRAM] * 2
    assert len(made) == 1


@pytest.mark.usefixtures("path")
async def test_cached_jars_without_java_say_so(tmp_path: Path) -> None:
    program(tmp_path / "cache" / NAME / skipping.PROGRAM)
    (tmp_path / "cache" / NAME / "jars").mkdir()
    with pytest.raises(StackError, match=r"needs Java, which is not installed\. Install a Java runtime"):
        await skipping.time_skipping_program(tmp_path / "cache")


@pytest.mark.parametrize(("there", "missing"), [((), "java"), (("java",), "mvn")], ids=["no-java", "no-maven"])
async def test_what_is_missing_is_named(path: Path, module: Path, there: tuple[str, ...], missing: str) -> None:
    for name in there:
        program(path / name)
    with pytest.raises(StackError, match=f"^{missing} is not installed$"):
        await skipping.fetch(module / "place", module)


async def test_what_maven_fetches_runs_with_java(path: Path, module: Path) -> None:
    program(path / "java", '#!/bin/sh\necho "$@"\n')
    program(path / "mvn", FETCHES)
    (module / "a place").mkdir()
    place = module / "a place" / "server"
    await skipping.fetch(place, module)
    process = await asyncio.create_subprocess_exec(place / skipping.PROGRAM, "7233", stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert said.decode().endswith(f"-cp {place}/jars/* io.temporal.testserver.TestServer 7233\n")


@pytest.mark.parametrize(
    ("listed", "wrong"),
    [
        ({"one": "one", "two": "other"}, "two.jar"),
        ({"one": "one"}, "two.jar"),
        ({"one": "one", "two": "two", "three": "three"}, "three.jar"),
    ],
    ids=["another", "one-too-many", "one-missing"],
)
async def test_what_is_not_listed_is_refused(path: Path, module: Path, listed: dict[str, str], wrong: str) -> None:
    program(path / "java")
    program(path / "mvn", FETCHES)
    lines = (f"{hashlib.sha256(text.encode()).hexdigest()}  {name}.jar\n" for name, text in listed.items())
    (module / "jars.sha256").write_text("".join(lines))
    with pytest.raises(StackError, match=rf"is not used: {wrong}$"):
        await skipping.fetch(module / "place", module)
    assert not (module / "place" / skipping.PROGRAM).exists()


async def test_what_maven_says_when_it_fails_is_told(path: Path, module: Path) -> None:
    program(path / "java")
    program(path / "mvn", '#!/bin/sh\necho "no network for $4"\nexit 1\n')
    with pytest.raises(StackError, match=r"Maven failed with .*pom\.xml: no network for "):
        await skipping.fetch(module / "place", module)


def test_the_module_fixes_the_version_and_every_jar() -> None:
    tree = ET.parse(skipping.MODULE / "pom.xml")  # noqa: S314  our own file
    fixed = {
        found.findtext("artifactId"): found.findtext("version")
        for kind in ("dependency", "plugin")
        for found in tree.iterfind(f".//{kind}")
    }
    assert fixed.keys() == {"temporal-test-server", "maven-dependency-plugin"}
    assert fixed["temporal-test-server"] == skipping.VERSION
    listed = [line.split() for line in (skipping.MODULE / "jars.sha256").read_text().splitlines()]
    assert f"temporal-test-server-{skipping.VERSION}.jar" in {name for _, name in listed}
    assert all(len(digest) == 64 for digest, _ in listed)
