"""PostgreSQL and Temporal on this machine, for development, the demo and tests (DESIGN.md section 12).

Tests use `Postgres` and `TemporalServer` alone; `interlock dev` is `app.devstack.dev.run_dev`, imported from there
because it brings the database's migrations with it.
"""

from app.devstack.errors import AlreadyRunning, PartFailed, StackError
from app.devstack.postgres import Postgres
from app.devstack.stack import environment_of
from app.devstack.temporal_cli import temporal_binary
from app.devstack.temporal_server import TemporalServer

__all__ = [
    "AlreadyRunning",
    "PartFailed",
    "Postgres",
    "StackError",
    "TemporalServer",
    "environment_of",
    "temporal_binary",
]
