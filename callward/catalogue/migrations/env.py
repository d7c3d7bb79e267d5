"""Alembic's entry point; the connection is handed in by ``callward.catalogue.migrate``."""

from alembic import context

from callward.catalogue.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
