"""``interlock doctor`` and ``reconcile``, and how commands tell what they lack."""

from __future__ import annotations

import shutil
from pathlib import Path

from app.devstack import TemporalServer
from tests.cli.command import Environ, done, fails, interlock

NAMES = ["settings", "issuers", "keys", "database", "schema", "rules", "temporal"]


def amiss(environ: Environ) -> dict[str, str]:
    """What the doctor finds, by name; it must say so with its exit code."""
    ended = interlock(environ, "doctor")
    lines = [line.split(maxsplit=2) for line in ended.stdout.splitlines()]
    found = {name: what for verdict, name, what in lines if verdict == "AMISS"}
    assert (ended.returncode, ended.stderr) == (1 if found else 0, ""), ended
    assert [name for _, name, _ in lines] in (NAMES, NAMES[:1])
    return found


def whole(installed: Environ, temporal: TemporalServer) -> dict[str, str]:
    """An installation that lacks nothing."""
    return {**installed, "INTERLOCK_TEMPORAL__ADDRESS": temporal.address, "INTERLOCK_IDENTITY__DEV_ISSUER": "true"}


def test_an_installation_in_order(installed: Environ, temporal: TemporalServer) -> None:
    assert amiss(whole(installed, temporal)) == {}
    assert done(whole(installed, temporal), "reconcile") == "0 requests were due\n"


def test_each_thing_that_is_amiss_is_named(
    installed: Environ, temporal: TemporalServer, tmp_path: Path, key_files: Path
) -> None:
    keys = shutil.copytree(key_files, tmp_path / "keys")
    (keys / "grants.json").chmod(0o644)
    found = amiss({**whole(installed, temporal), "INTERLOCK_KEYS__DIR": str(keys)})
    assert "chmod 600" in found["keys"]
    assert set(found) == {"keys", "temporal"}  # whose payloads are sealed with them
    nobody = {**installed, "INTERLOCK_TEMPORAL__ADDRESS": "127.0.0.1:9"}
    assert set(amiss(nobody)) == {"issuers", "temporal"}


def test_rules_and_schema_are_looked_for(empty: Environ, bare: Environ, temporal: TemporalServer) -> None:
    assert "run `interlock init DIR`" in amiss(whole(empty, temporal))["rules"]
    assert "run `interlock migrate`" in amiss(whole(bare, temporal))["schema"]


def test_settings_that_are_missing_are_named(installed: Environ) -> None:
    without = {name: value for name, value in installed.items() if name != "INTERLOCK_DATABASE__URL"}
    hint = ". For a development stack give --data, or `make up` and `. .data/up/env`."
    assert amiss(without)["settings"] == "INTERLOCK_DATABASE__URL is not set" + hint
    assert fails(without, 2, "people", "list") == "INTERLOCK_DATABASE__URL is not set" + hint
    assert "unknown setting INTERLOCK_DATABSE" in fails({**installed, "INTERLOCK_DATABSE": "x"}, 2, "people", "list")


def test_a_data_directory_without_a_stack(installed: Environ, tmp_path: Path) -> None:
    assert "no stack runs in" in fails(installed, 2, "people", "list", "--data", str(tmp_path))
    assert "no stack runs in" in fails({**installed, "INTERLOCK_DATA": str(tmp_path)}, 2, "people", "list")
