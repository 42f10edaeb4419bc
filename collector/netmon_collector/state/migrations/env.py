"""Run by Alembic for each command; the connection, within its transaction, comes from `open_state`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
