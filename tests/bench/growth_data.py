"""Rows by the million, made inside PostgreSQL: a crowd of users, one heavy user who has a tenth of all records, and a
usual one who has a thousand, however many there are.
"""

from typing import LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

HEAVY, HEAVY_SESSION = UUID(int=1), UUID(int=2)
USUAL, USUAL_SESSION = UUID(int=3), UUID(int=4)
USUAL_RECORDS = 1_000

RECORDS: LiteralString = """INSERT INTO storage_records (user_id, id, table_name, s3_key, checksum, size_bytes,
        revision, seq, created_at, updated_at)
    SELECT CASE WHEN n % 10 = 0 THEN {heavy} ELSE md5('u' || n % 1000 + 1)::uuid END, md5('x' || n)::uuid,
        'table_' || n / 10 % 10, 'key/' || n, repeat('ab', 32), 1000, 1, n, now() + n * interval '1 millisecond', now()
    FROM generate_series({begin}, {end}) AS n"""

# Each adds rows from number {begin} to {end}. The heavy user's id is {heavy}; the crowd's are md5 of their numbers.
STATEMENTS: tuple[LiteralString, ...] = (
    """INSERT INTO users (id, email, password, tier, is_active, is_staff, is_superuser, created_at, updated_at)
    SELECT md5('u' || n)::uuid, 'crowd-' || n || '@example.com', '!', 'team', true, false, false, now(), now()
    FROM generate_series({begin}, {end}) AS n""",
    """INSERT INTO sessions (id, user_id, user_agent, created_at, last_used_at, expires_at)
    SELECT md5('s' || n)::uuid, md5('u' || n)::uuid, '', now(), now(), now() + interval '30 days'
    FROM generate_series({begin}, {end}) AS n""",
    """INSERT INTO subscriptions (id, user_id, tier, status, cancel_at_period_end, created_at, updated_at,
        set_by_operator, stripe_tier, tier_after_grace, pay_url)
    SELECT md5('p' || n)::uuid, md5('u' || n)::uuid, 'team', 'active', false, now(), now(), true, '', 'free', ''
    FROM generate_series({begin}, {end}) AS n""",
    """INSERT INTO refresh_tokens (session_id, token_hash, created_at, expires_at)
    SELECT md5('s' || n)::uuid, md5('t' || n) || md5('r' || n), now(), now() + interval '30 days'
    FROM generate_series({begin}, {end}) AS n""",
    """INSERT INTO storage_usage (user_id, storage_bytes, backup_bytes, last_seq, pruned_seq, updated_at)
    SELECT md5('u' || n)::uuid, 1000, 1000, 1, 0, now() FROM generate_series({begin}, {end}) AS n""",
    RECORDS,
    """INSERT INTO storage_record_versions (user_id, record_id, revision, table_name, s3_key, checksum, size_bytes,
        created_at, replaced_at, in_trash)
    SELECT CASE WHEN n % 10 = 0 THEN {heavy} ELSE md5('u' || n % 1000 + 1)::uuid END, md5('x' || n)::uuid, 1,
        'table_' || n / 10 % 10, 'version/' || n, repeat('ab', 32), 1000, now() - interval '9 days',
        now() - n % 10000 * interval '1 minute', n % 20 = 0
    FROM generate_series({begin}, {end}) AS n""",
    """INSERT INTO backup_metadata (id, user_id, s3_key, version, timestamp, checksum, size_bytes, created_at)
    SELECT md5('b' || n)::uuid, CASE WHEN n % 10 = 0 THEN {heavy} ELSE md5('u' || n)::uuid END, 'backup/' || n, '1',
        now(), repeat('ab', 32), 1000, now() + n * interval '1 millisecond'
    FROM generate_series({begin}, {end}) AS n""",
    """INSERT INTO security_events (user_id, at, type, network, user_agent)
    SELECT CASE WHEN n % 10 = 0 THEN {heavy} ELSE md5('u' || n)::uuid END, now() - n % 100000 * interval '1 minute',
        'login', '192.0.2.0/24', 'somebody'
    FROM generate_series({begin}, {end}) AS n""",
    """INSERT INTO chat_usage (id, user_id, day, turns, input_tokens, output_tokens, created_at, updated_at)
    SELECT md5('c' || n)::uuid, CASE WHEN n % 100 = 0 THEN {heavy} ELSE md5('u' || n)::uuid END,
        current_date - n / 100, 1, 1, 1, now(), now()
    FROM generate_series({begin}, {end}) AS n""",
    """INSERT INTO plugins (slug, author_name, name, description, category, version, price_cents, currency,
        permissions, status, s3_package_key, install_count, rating_sum, rating_count, avg_rating, rank,
        takedown_reason, is_unsellable, created_at, published_at)
    SELECT 'plugin-' || n, 'Somebody', 'Plugin ' || md5(n::text), 'It does ' || md5('d' || n)
        || repeat(' and what people ask of it', 25), 'tools', '1.0.0', 0,
        'eur', '[]', 'approved', 'key', n % 1000, 0, 0, 0, n % 977, '', false, now(),
        now() + n * interval '1 millisecond'
    FROM generate_series({begin} / 10 + 1, {end} / 10) AS n""",
    # A sale has three entries in the ledger. One in a thousand is of the heavy user's plugins.
    """INSERT INTO plugin_purchases (id, plugin_id, user_id, amount_cents, currency, status, checkout_url, created_at,
        paid_at)
    SELECT md5('q' || n)::uuid, 'plugin-' || n % 100 + 1, md5('u' || n)::uuid, 1000, 'eur', 'paid', '', now(), now()
    FROM generate_series({begin} / 3 + 1, {end} / 3) AS n""",
    """INSERT INTO revenue_events (id, plugin_id, user_id, developer_id, purchase_id, amount_cents,
        developer_share_cents, platform_share_cents, currency, stripe_transfer_id, created_at)
    SELECT md5('e' || n)::uuid, 'plugin-' || n % 100 + 1, md5('u' || n)::uuid,
        CASE WHEN n % 1000 = 0 THEN {heavy} ELSE md5('u' || n)::uuid END, md5('q' || n)::uuid, 1000, 700, 300, 'eur',
        '', now()
    FROM generate_series({begin} / 3 + 1, {end} / 3) AS n""",
    """INSERT INTO ledger_entries (revenue_event_id, source, account, amount_cents, booked_at)
    SELECT md5('e' || n)::uuid, 'sale:' || n, account, cents, now()
    FROM generate_series({begin} / 3 + 1, {end} / 3) AS n,
        (VALUES ('buyer', -1000), ('developer', 700), ('platform', 300)) AS halves (account, cents)""",
)


def make_users(connection: psycopg.Connection) -> None:
    """The two who ask; before any rows."""
    for user, session, name in ((HEAVY, HEAVY_SESSION, "heavy"), (USUAL, USUAL_SESSION, "usual")):
        connection.execute(
            "INSERT INTO users (id, email, password, tier, is_active, is_staff, is_superuser, created_at, updated_at)"
            " VALUES (%s, %s, '!', 'team', true, false, false, now(), now())",
            [user, f"{name}@example.com"],
        )
        connection.execute(
            "INSERT INTO sessions (id, user_id, user_agent, created_at, last_used_at, expires_at)"
            " VALUES (%s, %s, '', now(), now(), now() + interval '30 days')",
            [session, user],
        )
        connection.execute(
            "INSERT INTO subscriptions (id, user_id, tier, status, cancel_at_period_end, created_at, updated_at,"
            " set_by_operator, stripe_tier, tier_after_grace, pay_url)"
            " VALUES (%s, %s, 'team', 'active', false, now(), now(), true, '', 'free', '')",
            [session, user],
        )
        connection.execute(
            "INSERT INTO storage_usage (user_id, storage_bytes, backup_bytes, last_seq, pruned_seq, updated_at)"
            " VALUES (%s, 1000, 1000, %s, 0, now())",
            [user, 2**40],
        )
    connection.execute(
        "INSERT INTO storage_records (user_id, id, table_name, s3_key, checksum, size_bytes, revision, seq, created_at,"
        " updated_at) SELECT %s, gen_random_uuid(), 'notes', 'usual/' || n, repeat('ab', 32), 1000, 1, n,"
        " now() + n * interval '1 millisecond', now() FROM generate_series(1, %s) AS n",
        [USUAL, USUAL_RECORDS],
    )


def grow(connection: psycopg.Connection, begin: int, end: int, *, only: LiteralString | None = None) -> None:
    """Adds rows ``begin`` to ``end`` to every table (a tenth of that to the catalog), and tells the planner.

    ``only`` is one of the statements.
    """
    row = connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone()
    if row and row[0]:  # the rows are known to fit: to check each foreign key would double the time
        connection.execute("SET LOCAL session_replication_role = replica")
    for statement in (only,) if only else STATEMENTS:
        connection.execute(
            sql.SQL(statement).format(begin=sql.Literal(begin), end=sql.Literal(end), heavy=sql.Literal(HEAVY))
        )
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.autocommit = False
