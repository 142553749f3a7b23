import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from app.store.engine import Database
from app.store.migrate import HEAD, _config
from app.store.tables import metadata

pytestmark = pytest.mark.anyio


def described(connection):
    """Tables, columns, keys and indices as the database itself tells them."""
    told = {}
    for table in inspect(connection).get_table_names():
        inspected = inspect(connection)
        told[table] = (
            [
                (column["name"], str(column["type"]), getattr(column["type"], "collation", None), column["nullable"])
                for column in inspected.get_columns(table)
            ],
            inspected.get_pk_constraint(table)["constrained_columns"],
            sorted((i["name"], i["column_names"], bool(i["unique"])) for i in inspected.get_indexes(table)),
        )
    told.pop("alembic_version", None)
    return told


class TestMigrations:
    @pytest.fixture
    async def database(self, own_database_url):
        database = await Database.open(own_database_url)
        yield database
        await database.close()

    async def test_lead_to_the_tables_that_the_code_knows(self, database):
        def differences(connection):
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return compare_metadata(context, metadata)

        async with database._writer.connect() as connection:
            assert await connection.run_sync(differences) == []

    async def test_lead_to_what_the_database_makes_of_them_too(self, database):
        """The comparison above does not see collations, for one."""

        async def work(transaction):
            migrated = await transaction.run_sync(described)
            await transaction.run_sync(downgrade)
            await transaction.run_sync(metadata.create_all)
            return migrated, await transaction.run_sync(described)

        def downgrade(connection):
            command.downgrade(_config(connection), "base")

        migrated, created = await database.write(work)
        assert migrated == created
        assert set(migrated) == set(metadata.tables)

    async def test_can_be_undone_and_done_again(self, database, own_database_url):
        await database.write(lambda transaction: transaction.run_sync(lambda c: command.downgrade(_config(c), "base")))
        again = await Database.open(own_database_url)
        version = await again.read(
            lambda transaction: transaction.execute(text("SELECT version_num FROM alembic_version"))
        )
        assert version.scalar_one() == HEAD
        await again.close()

    async def test_scripts_are_part_of_the_installed_package(self):
        from importlib.resources import files

        folder = files("app.store.migrations")
        assert folder.joinpath("env.py").is_file()
        assert folder.joinpath("script.py.mako").is_file()
