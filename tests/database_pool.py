"""Databases for tests: each test has one to itself, and one that it left as it was made serves another test.

Making one takes several times as long as emptying one. Whatever a test changed beside rows (an index, a trigger, a
column, a setting, what migrations put in) makes its database unfit for others.
"""

from uuid import uuid4

import psycopg
from psycopg import Connection as AnyConnection

from sandbox.postgres import EmbeddedPostgres

# what migrations put in, and tests must find
SEEDED = ("alembic_version", "installation_secrets")

# in bytes; making a table anew takes longer than deleting a few rows
MANY = 256 * 1024

SHAPE = """
SELECT concat_ws(' ',
    (SELECT md5(string_agg(concat(oid, relname, relkind), ',' ORDER BY oid))
       FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT md5(string_agg(concat(attrelid, attname, atttypid, attnotnull), ',' ORDER BY attrelid, attnum))
       FROM pg_attribute WHERE attnum > 0 AND attrelid IN
            (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)),
    (SELECT md5(string_agg(concat(oid, proname, md5(prosrc)), ',' ORDER BY oid))
       FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT md5(string_agg(concat(tgrelid, tgname, tgenabled), ',' ORDER BY oid)) FROM pg_trigger),
    (SELECT md5(string_agg(concat(conname, conrelid), ',' ORDER BY oid)) FROM pg_constraint),
    (SELECT count(*) FROM pg_namespace),
    (SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = (
        SELECT oid FROM pg_database WHERE datname = current_database())),
    (SELECT md5(string_agg(version_num, ',')) FROM alembic_version),
    (SELECT count(*) FROM installation_secrets))
"""
# what holds rows, or held some before: to ask each table takes longer
USED = """
SELECT relname, pg_relation_size(oid) FROM pg_class
 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> ALL(%s) AND pg_relation_size(oid) > 0
"""
RESTART = """
SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences
 WHERE schemaname = 'public' AND last_value IS NOT NULL
"""
LEAVE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


Connection = AnyConnection[tuple[str, ...]]


class DatabasePool:
    """Copies of a migrated template. A connection to each is kept: making one takes longer than emptying."""

    def __init__(self, server: EmbeddedPostgres, template: str) -> None:
        self.server = server
        self.template = template
        self.free: list[str] = []
        self.kept: dict[str, Connection] = {}
        with self._connect(template) as connection:
            self.shape = _shape(connection)

    def take(self) -> str:
        """The name of a database that looks as if it had just been made."""
        if self.free:
            return self.free.pop()
        name = f"test_{uuid4().hex[:12]}"
        self.server.create_database(name, self.template)
        return name

    def give_back(self, name: str) -> None:
        if self._emptied(name):
            self.free.append(name)
        else:
            self.drop(name)

    def drop(self, name: str) -> None:
        self._forget(name)
        self.server.drop_database(name)

    def close(self) -> None:
        for name in list(self.kept):
            self._forget(name)

    def _emptied(self, name: str) -> bool:
        # the kept connection may have ended: a test restarted the server, or hung up on everybody
        return self._try_emptying(name) or self._try_emptying(name)

    def _try_emptying(self, name: str) -> bool:
        try:
            connection = self.kept.get(name) or self._connect(name)
            self.kept[name] = connection
            connection.execute(LEAVE)
            if _shape(connection) != self.shape:
                return False
            _empty(connection)
        except psycopg.Error:
            self._forget(name)
            return False
        return True

    def _forget(self, name: str) -> None:
        if kept := self.kept.pop(name, None):
            kept.close()

    def _connect(self, name: str) -> Connection:
        return psycopg.connect(self.server.url(name), autocommit=True)


def _shape(connection: Connection) -> str:
    row = connection.execute(SHAPE).fetchone()
    return row[0] if row else ""


def _empty(connection: Connection) -> None:
    used = [(row[0], int(row[1])) for row in connection.execute(USED, [list(SEEDED)])]
    # no cascades and no triggers: every table is emptied by itself
    connection.execute("SET session_replication_role = replica")
    for table, size in used:
        connection.execute((f"TRUNCATE {table} CASCADE" if size > MANY else f"DELETE FROM {table}").encode())
    connection.execute(RESTART)
