"""Who may do what in the database: the roles and, table by table, what each of them is granted. Pure data.

`app.db.hardening` makes a database so. A table without a line here is granted to nobody, and a test says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import make_url

OWNER = "interlock_owner"
MIGRATOR = "interlock_migrator"
APP = "interlock_app"
SEQUENCER = "interlock_sequencer"
AUDITOR = "interlock_auditor"

LOGINS = {"migrator": MIGRATOR, "app": APP, "sequencer": SEQUENCER, "auditor": AUDITOR}
"""The roles that somebody connects as, by the names that people call them by."""
ROLES = {
    OWNER: "owns every table, sequence and function; nobody can log in as it",
    MIGRATOR: "runs `interlock migrate`, as a member of the owner",
    APP: "API and worker",
    SEQUENCER: "the worker's second connection, which seals entries",
    AUDITOR: "people who look, and change nothing",
}
READERS = (APP, SEQUENCER, AUDITOR)
"""The roles that tables are granted to. The migrator has what the owner has, while it is the owner."""

ALL: tuple[str, ...] = ("*",)
"""Every column: the privilege is granted on the table."""


@dataclass(frozen=True, slots=True)
class Rights:
    """What one role may do with one table; of columns, where not `ALL` of them. TRUNCATE and the like: nobody.

    ``hidden``: columns that it does not read.
    """

    select: bool = True
    hidden: tuple[str, ...] = ()
    insert: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: bool = False

    def words(self) -> str:
        """As people read it."""
        said = []
        if self.select:
            said.append("SELECT" + (f" but {', '.join(self.hidden)}" if self.hidden else ""))
        for name, columns in (("INSERT", self.insert), ("UPDATE", self.update)):
            if columns:
                said.append(name if columns == ALL else f"{name} ({', '.join(columns)})")
        if self.delete:
            said.append("DELETE")
        return ", ".join(said)


NOTHING = Rights(select=False)
READ = Rights()
ADD = Rights(insert=ALL)
KEEP = Rights(insert=ALL, update=ALL)
CLEAR = Rights(insert=ALL, update=ALL, delete=True)


@dataclass(frozen=True, slots=True)
class Line:
    """One table: what application, sequencer and auditor may do with it."""

    app: Rights
    auditor: Rights = READ
    sequencer: Rights = NOTHING

    def of(self, role: str) -> Rights:
        """What this role may do; of the others nothing is granted."""
        return {APP: self.app, AUDITOR: self.auditor, SEQUENCER: self.sequencer}.get(role, NOTHING)


SEALED = Line(app=READ, sequencer=ADD)
"""What the sequencer writes, once."""
POSITION = Line(app=READ, sequencer=KEEP)
"""Where the sequencer has got to."""

TABLES: Mapping[str, Line] = {
    "alembic_version": Line(app=READ, sequencer=READ),
    # the ledger: the database itself gives id, leaf_hash, xid and created_at
    "entry": Line(app=Rights(insert=("stream", "n", "body")), sequencer=READ),
    "leaf": SEALED,
    "subtree": SEALED,
    "checkpoint": SEALED,
    "anchored": Line(app=ADD),
    "sequencer_state": POSITION,
    "anchor_state": Line(app=KEEP),
    "stream_head": Line(app=Rights(insert=ALL, update=("stream",))),  # whoever locks a row must be able to update it
    # only ever added to
    "policy_version": Line(app=ADD),
    "decision": Line(app=KEEP),
    "settlement": Line(app=Rights(insert=ALL, update=("status", "reason", "at"))),
    "grant_redemption": Line(app=ADD),
    "card_shown": Line(app=Rights(insert=ALL, delete=True)),
    "slack_item": Line(app=ADD),
    "use_case": Line(app=Rights(insert=ALL, update=("statement",))),
    # where things stand
    "installation": Line(app=Rights(update=ALL)),
    "bot": Line(app=KEEP),
    "person": Line(app=KEEP),
    "person_identity": Line(app=CLEAR),
    "person_subject": Line(app=CLEAR),
    "request": Line(app=KEEP),
    "attempt": Line(app=KEEP),
    "refusal": Line(app=KEEP),
    "execution_attempt": Line(app=KEEP, auditor=Rights(hidden=("handle_hash",))),
    "delegation": Line(app=KEEP),
    "incident": Line(app=KEEP),
    "incident_item": Line(app=KEEP),
    "review": Line(app=KEEP),
    "owner_review": Line(app=KEEP),
    "standing_permission": Line(app=KEEP),
    "outbox": Line(app=CLEAR),
    "export_cursor": Line(app=KEEP),
    "subject": Line(app=KEEP),
    "erasure": Line(app=KEEP),
    "erased_request": Line(app=KEEP),
    "oversight_report": Line(app=KEEP),
    "lease": Line(app=KEEP),
    "slack_message": Line(app=KEEP),
    "slack_place": Line(app=KEEP),
    # secrets, or what stands for them
    "client_credential": Line(app=KEEP, auditor=Rights(hidden=("secret_hash",))),
    "link_code": Line(app=CLEAR, auditor=Rights(hidden=("code_hash",))),
    "data_key": Line(app=Rights(insert=ALL, delete=True), auditor=NOTHING),  # deleting one is how data is erased
}
"""Tables that a database does not have yet, or no longer, are passed over."""


class Grant(NamedTuple):
    """One privilege on a table, or on one column of it. ``role``: PUBLIC for everybody."""

    role: str
    table: str
    privilege: str
    column: str | None = None

    def on(self) -> str:
        """The middle of a statement that gives or takes it."""
        column = f" ({quoted(self.column)})" if self.column else ""
        return f"{self.privilege}{column} ON TABLE {quoted(self.table)}"


def quoted(name: str) -> str:
    """An identifier as a statement has it."""
    return '"' + name.replace('"', '""') + '"'


def as_role(database_url: str, role: str) -> str:
    """The same database as another role, one without a password: where the server trusts its socket."""
    return make_url(database_url).set(username=role, password=None).render_as_string(hide_password=False)


def grantee(role: str) -> str:
    """A role as GRANT and REVOKE have it."""
    return role if role == "PUBLIC" else quoted(role)


def wanted(columns: Mapping[str, Collection[str]]) -> set[Grant]:
    """What is to be granted in a database that has these tables with these columns; no more, and no less."""
    found = set()
    for table in columns.keys() & TABLES.keys():
        for role in READERS:
            found |= set(_grants(role, table, TABLES[table].of(role), columns[table]))
    return found


def _grants(role: str, table: str, rights: Rights, columns: Collection[str]) -> Iterator[Grant]:
    if rights.select and not rights.hidden:
        yield Grant(role, table, "SELECT")
    elif rights.select:
        yield from (Grant(role, table, "SELECT", name) for name in columns if name not in rights.hidden)
    for privilege, on in (("INSERT", rights.insert), ("UPDATE", rights.update)):
        if on == ALL:
            yield Grant(role, table, privilege)
        else:
            yield from (Grant(role, table, privilege, name) for name in on if name in columns)
    if rights.delete:
        yield Grant(role, table, "DELETE")


def as_markdown() -> str:
    """The grants as docs/database-roles.md prints them."""
    lines = ["| table | application | sequencer | auditor |", "|---|---|---|---|"]
    for name, line in TABLES.items():
        words = (line.of(role).words() or "-" for role in READERS)
        lines.append(f"| `{name}` | {' | '.join(words)} |")
    return "\n".join(lines)
