"""What PostgreSQL's own catalogue says of roles, owners and grants. Names without a schema are of the current one."""

from __future__ import annotations

from sqlalchemy import text

_ROLE = "case when acl.grantee = 0 then 'PUBLIC' else pg_get_userbyid(acl.grantee) end"
_OURS = """
    select c.oid, c.relname, c.relkind, c.relowner, c.relacl from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
        and c.relname::text = any(:tables)
"""
_SEQUENCES = f"""
    select s.oid, s.relname, s.relowner, s.relacl from pg_class s
    join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i')
        and d.refclassid = 'pg_class'::regclass
    where s.relkind = 'S' and d.refobjid in (select oid from ({_OURS}) ours)
"""  # noqa: S608  constants of this file
_FUNCTIONS = f"""
    select distinct p.oid, p.oid::regprocedure::text as name, p.proowner, p.proacl from pg_proc p
    join pg_trigger t on t.tgfoid = p.oid
    where not t.tgisinternal and t.tgrelid in (select oid from ({_OURS}) ours)
"""  # noqa: S608

ROLES = text("""
    select rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls
    from pg_roles where rolname::text = any(:names) order by rolname
""")
MEMBERS = text("""
    select pg_get_userbyid(roleid) as role, member.rolname as member, admin_option, grantor.rolname as grantor
    from pg_auth_members join pg_roles member on member.oid = member
    left join pg_roles grantor on grantor.oid = pg_auth_members.grantor
    where member.rolname::text = any(:ours) or pg_get_userbyid(roleid)::text = any(:guarded)
    order by 1, 2, 4
""")
MAY_BE = text("""
    select pg_has_role(current_user, :owner, 'USAGE')
        and pg_has_role(current_user, :owner,
            case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
""")
"""Whether the current role has what the owner has, and may be it."""
HARDENED = text("""
    select coalesce(bool_or(
        has_schema_privilege(oid, current_schema(), 'CREATE') and pg_has_role(current_user, oid,
            case when current_setting('server_version_num')::int >= 160000 then 'SET' else 'MEMBER' end)
        and not exists (select from pg_class c where c.relnamespace = current_schema()::regnamespace
            and c.relname in ('alembic_version', 'entry') and c.relowner <> r.oid)
    ), false) from pg_roles r where rolname = :owner
""")
"""Whether the owner makes things in this database, and the current role may be the owner."""
DATABASE_ACL = text(f"""
    select {_ROLE} as role, acl.privilege_type as privilege from pg_database d,
        aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) acl
    where d.datname = current_database() and acl.grantee <> d.datdba and {_ROLE} = any(:ours)
""")  # noqa: S608
SCHEMA_ACL = text(f"""
    select {_ROLE} as role, acl.privilege_type as privilege from pg_namespace n,
        aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) acl
    where n.nspname = current_schema() and acl.grantee <> n.nspowner and {_ROLE} = any(:ours)
""")  # noqa: S608
OWNED = text(f"""
    select 'TABLE' as kind, quote_ident(relname) as name, pg_get_userbyid(relowner) as owner from ({_OURS}) ours
    union all
    select 'FUNCTION', name, pg_get_userbyid(proowner) from ({_FUNCTIONS}) functions order by 1, 2
""")  # noqa: S608
"""Sequences go with their tables."""
DEFAULTS = text(f"""
    select case d.defaclobjtype when 'r' then 'TABLES' when 'S' then 'SEQUENCES' when 'f' then 'FUNCTIONS'
            when 'T' then 'TYPES' when 'n' then 'SCHEMAS' else 'LARGE OBJECTS' end as kind,
        n.nspname as schema, case when acl.grantee is not null then {_ROLE} end as role,
        acl.privilege_type as privilege
    from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace
    left join lateral aclexplode(d.defaclacl) acl on acl.grantee <> d.defaclrole
    where pg_get_userbyid(d.defaclrole) = :owner order by 1, 2, 3
""")  # noqa: S608
COLUMNS = text("""
    select c.relname as table, a.attname as column from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
        and c.relname::text = any(:tables) and a.attnum > 0 and not a.attisdropped
    order by c.relname, a.attnum
""")
TABLE_ACL = text(f"""
    select {_ROLE} as role, ours.relname as table, acl.privilege_type as privilege, null::name as column,
        acl.is_grantable
    from ({_OURS}) ours, aclexplode(ours.relacl) acl where acl.grantee <> ours.relowner
    union all
    select {_ROLE}, ours.relname, acl.privilege_type, a.attname, acl.is_grantable
    from ({_OURS}) ours join pg_attribute a on a.attrelid = ours.oid and not a.attisdropped, aclexplode(a.attacl) acl
    where acl.grantee <> ours.relowner
""")  # noqa: S608
BESIDE_ACL = text(f"""
    select 'SEQUENCE' as kind, quote_ident(relname) as name, {_ROLE} as role, acl.privilege_type as privilege
    from ({_SEQUENCES}) sequences, aclexplode(relacl) acl where acl.grantee <> relowner
    union all
    select 'FUNCTION', name, {_ROLE}, acl.privilege_type
    from ({_FUNCTIONS}) functions, aclexplode(coalesce(proacl, acldefault('f', proowner))) acl
    where acl.grantee <> proowner
    order by 1, 2, 3
""")  # noqa: S608
STRANGERS = text("""
    select c.relname as name from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and not c.relname::text = any(:tables)
        and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid
            and d.deptype = 'e')
    order by 1
""")
