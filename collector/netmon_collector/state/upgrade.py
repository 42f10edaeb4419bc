"""Brings the tables of the state database to what this version works with, by Alembic.

Alembic takes 11 MB, so only a start that finds older tables, or none, imports this.
"""

import logging
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine


class NewerTables(Exception):
    """The database has a revision that this version does not know."""


def upgrade(engine: Engine, migrations: Path) -> None:
    """Runs what is new in the folder of migrations. Raises NewerTables, SQLAlchemyError."""
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells of itself at every start
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise NewerTables from error
