"""What the role that we connect as could do to the ledger, other than add to it."""

from __future__ import annotations

import asyncpg

from app.db.listen import ANSWER_WITHIN, connect_arguments

_QUERY = """
    with hats as (
        select oid, rolname, rolsuper, rolcreaterole from pg_roles where pg_has_role(session_user, oid, 'MEMBER')
    ),
    entry as (select c.oid, c.relowner, c.relnamespace from pg_class c where c.oid = to_regclass('entry')),
    strong as (select * from hats where rolsuper or rolcreaterole),
    owned (what, owner) as (
        select 'the table entry', relowner from entry
        union select 'the function ' || p.oid::regprocedure::text, p.proowner from entry
            join pg_trigger t on t.tgrelid = entry.oid and not t.tgisinternal join pg_proc p on p.oid = t.tgfoid
        union select 'the schema ' || n.nspname, n.nspowner from entry join pg_namespace n on n.oid = relnamespace
        union select 'the database', datdba from pg_database where datname = current_database()
    )
    select 1 as rank, 'it is a superuser' || by as what
        from (select case when rolname = session_user then '' else ', as ' || rolname end as by from strong
            where rolsuper) superusers
    union select 2, 'it may make roles' from strong where rolcreaterole and not rolsuper
    union select 3, 'it may do what ' || rolname || ' may'
        from hats where rolname in ('pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data')
    union select 4, case when hats.rolname = session_user then 'it owns ' || what
            else 'it is a member of ' || hats.rolname || ', who owns ' || what end
        from owned join hats on hats.oid = owned.owner
    union select 5, 'it has ' || privilege || ' on entry'
        from hats, entry, unnest(array['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'INSERT']) as privilege
        where has_table_privilege(hats.oid, entry.oid, privilege)
    union select 6, 'it has UPDATE on columns of entry'
        from hats, entry where has_any_column_privilege(hats.oid, entry.oid, 'UPDATE')
    union select 7, 'it has INSERT on ' || attname || ' of entry'
        from hats, entry join pg_attribute on attrelid = entry.oid and attnum > 0 and not attisdropped
        where attname not in ('stream', 'n', 'body') and has_column_privilege(hats.oid, entry.oid, attnum, 'INSERT')
    union select 8, 'it may set session_replication_role'
        from hats where has_parameter_privilege(hats.oid, 'session_replication_role', 'SET')
    union select 9, 'the trigger ' || name || ' of entry is gone or does not always fire'
        from entry, unnest(array['entry_refuses_change', 'entry_refuses_truncate']) as name
        where not exists (select from pg_trigger where tgrelid = entry.oid and tgname = name and tgenabled = 'A')
    union select 10, 'there is no table entry: run `interlock migrate`' where not exists (select from entry)
    order by 1, 2
"""
"""Everything that the role is, or could become with SET ROLE."""


async def dangers(database_url: str) -> tuple[str, list[str]]:
    """The role's name, and why entries are not safe from it; nothing when they are.

    Raises what asyncpg raises when the database does not answer, and OSError, TimeoutError.
    """
    connection = await asyncpg.connect(**connect_arguments(database_url), timeout=ANSWER_WITHIN)
    try:
        role = await connection.fetchval("select session_user", timeout=ANSWER_WITHIN)
        rows = await connection.fetch(_QUERY, timeout=ANSWER_WITHIN)
        return str(role), [row["what"] for row in rows]
    finally:
        connection.terminate()
