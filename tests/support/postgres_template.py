"""A migrated database on the PostgreSQL of `DATABASE_URL`, for others to be made from.

Migrating costs 15 s of CPU, a copy half a second. Who needs the template first makes it, under a name that says what it
came from (``schema_fingerprint``); the others wait for it. Those who get a copy still migrate, and find nothing to do.
"""

from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.sql import SQL, Identifier

PREFIX = "adiuva_template_"
KEPT = 3  # as many branches may take turns; one is about 20 MB


def make_template(url: str, fingerprint: str, migrate: Callable[[str], object]) -> str:
    """The template's name. ``migrate`` gets the URL of an empty database, and leaves no connection to it."""
    parts = urlsplit(url.replace("+psycopg", ""))
    name = PREFIX + fingerprint
    unfinished = f"{name}_unfinished"

    def at(database: str) -> str:
        return urlunsplit(parts._replace(path=f"/{database}"))

    with psycopg.connect(at("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [PREFIX])  # until this connection ends
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return name
        drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(drop.format(Identifier(unfinished)))  # by a killed run
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(unfinished)))
        migrate(at(unfinished))
        connection.execute(SQL("ALTER DATABASE {} RENAME TO {}").format(Identifier(unfinished), Identifier(name)))
        newest_first = "SELECT datname FROM pg_database WHERE datname LIKE %s ORDER BY oid DESC OFFSET %s"
        for (old,) in connection.execute(newest_first, [f"{PREFIX}%", KEPT]).fetchall():
            connection.execute(drop.format(Identifier(old)))
    return name
