"""The schema's owner: what only they may do, and whether a URL's user may."""

from __future__ import annotations

from telecom_crm.adapters.postgres.connecting import connected
from telecom_crm.adapters.postgres.engine import role_of
from telecom_crm.domain.errors import RuleViolated


def schema_made(name: str) -> str:
    """Return the SQL that makes a schema where there is none; `name` is a checked one."""
    # IF NOT EXISTS would ask for the right to make schemas also where there is nothing to make.
    return (
        f"DO $$ BEGIN IF to_regnamespace('\"{name}\"') IS NULL THEN"
        f' CREATE SCHEMA "{name}"; END IF; END $$'
    )


def require_owner(url: str, *, schema: str) -> None:
    """Raise `RuleViolated` where the URL's user may not migrate, with all that they lack."""
    role = role_of(schema)
    with connected(url) as connection:
        asked = connection.execute(_QUERY, {"schemas": [schema, f"{schema}_jobs"], "role": role})
        row = asked.fetchone()
    assert row is not None
    user, database, closed, no_role = row
    reasons = [
        f'{user} may not change the schema {name}: ALTER SCHEMA "{name}" OWNER TO "{user}"'
        if name
        else f'{user} may make no schema: GRANT CREATE ON DATABASE "{database}" TO "{user}"'
        for name in closed
    ]
    if no_role:
        reasons.append(
            f'{user} may not make the role that the service works as: ALTER ROLE "{user}"'
            f' CREATEROLE, or make it for them: CREATE ROLE "{role}"; GRANT "{role}" TO "{user}"'
        )
    if reasons:
        raise RuleViolated("owner_migrates", tuple(reasons))


_QUERY = """
SELECT
    current_user::text,
    current_database()::text,
    ARRAY(
        SELECT DISTINCT n.nspname::text
        FROM unnest(%(schemas)s::text[]) AS wanted (name)
        LEFT JOIN pg_namespace n ON n.nspname = wanted.name
        WHERE NOT CASE
            WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
            ELSE pg_has_role(n.nspowner, 'USAGE')
        END
    ),
    NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %(role)s)
        AND NOT (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user)
"""
