"""django-tenants' engine, which says SET search_path only where the session's own differs, and pings a busy connection seldom.

Each switch of tenant and back would otherwise cost a statement, though most work is done in the tenant that the connection is in;
and each request and task one more (CONN_HEALTH_CHECKS), though most find a connection that was fine a moment ago.
"""

import time
from typing import Any

from django_tenants.postgresql_backend.base import DatabaseWrapper as TenantsWrapper

ONLY_ASKED = 2**31  # how often a statement would have to come to be prepared without asking for it
GENERIC = "SET plan_cache_mode = force_generic_plan"
HEALTHY_SECONDS = 2.0  # for how long a connection that answered is taken to be well; one that failed is looked at at once


class DatabaseWrapper(TenantsWrapper):
    """`_session_path` is the search path that the server is known to have; None where that is not certain."""

    search_path_set_schemas: list[str] | None
    _session_path: list[str] | None = None
    _session_of: tuple[str, bool] | None = None  # the schema that this path is of, which spares putting it together anew
    health_check_done: bool
    _well_until = 0.0  # by the monotonic clock

    def get_connection_params(self) -> dict[str, Any]:
        """Django forbids psycopg to prepare anything, also what asks for it: here nothing else does."""
        return {**super().get_connection_params(), "prepare_threshold": ONLY_ASKED}

    def init_connection_state(self) -> None:
        """What `apps.core.prepared` sends is planned once for each connection, instead of anew at each of its first times."""
        super().init_connection_state()
        self.connection.execute(GENERIC)  # said here, because PgBouncer refuses it among what a connection begins with

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self._session_path = None
        self._well_until = time.monotonic() + HEALTHY_SECONDS
        return super().get_new_connection(conn_params)

    def close_if_health_check_failed(self) -> None:
        """Once for a request or task at most: a ping between COMMIT and what follows it would begin a transaction anew."""
        if self.health_check_done:
            return
        if time.monotonic() < self._well_until:
            self.health_check_done = True
            return
        super().close_if_health_check_failed()
        self._well_until = time.monotonic() + HEALTHY_SECONDS

    def close(self) -> None:
        self._session_path = None
        super().close()

    def rollback(self) -> None:
        """A SET goes with the transaction that it was in."""
        self._session_path = None
        super().rollback()

    def savepoint_rollback(self, sid: str) -> None:
        try:
            super().savepoint_rollback(sid)
        finally:
            self._session_path = None

    def _handle_search_path(self, cursor: Any = None) -> None:
        if self._setting_search_path:
            return
        wanted = (self.schema_name, self.include_public_schema)
        if self._session_path is not None and (
            self._session_of == wanted or self._session_path == self._get_cursor_search_paths()
        ):
            self._session_of, self.search_path_set_schemas = wanted, self._session_path
            return
        self.search_path_set_schemas = None
        super()._handle_search_path(cursor)
        self._session_path, self._session_of = self.search_path_set_schemas, wanted

    def ready(self) -> None:
        """All that `cursor()` does but making one: connected, well, in its own thread, and on the tenant's search path."""
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_thread_sharing()
        if self._session_path is None or self._session_of != (self.schema_name, self.include_public_schema):
            with self.cursor():
                pass
