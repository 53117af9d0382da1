"""Alembic runs on the connection it is handed (core.store.schema), so that the service and the tests migrate alike."""

from alembic import context

from core.store import brain_tables, client_tables, loop_tables, worker_tables  # noqa: F401  (their tables belong to the metadata)
from core.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
