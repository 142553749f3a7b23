"""INSERT … ON CONFLICT, which SQLite and PostgreSQL write alike and SQLAlchemy keeps apart."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from app.store.engine import Transaction

Upsert = sqlite.Insert | postgresql.Insert


def insert_into(table: Table, transaction: Transaction) -> Upsert:
    """An INSERT that can also say what happens where the key is there already."""
    return postgresql.insert(table) if transaction.dialect.name == "postgresql" else sqlite.insert(table)
