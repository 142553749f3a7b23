from pathlib import Path

import pytest

from app.store.location import locate_store
from models.domain.errors import SettingsRefused


class TestLocateStore:
    def test_sqlite_file_is_named_with_its_whole_path(self):
        location = locate_store("sqlite+aiosqlite:///var/figment.db")
        assert location.file == Path.cwd() / "var" / "figment.db"
        assert location.place == f"SQLite database {location.file}"

    def test_postgresql_is_named_by_host_and_database_only(self):
        location = locate_store("postgresql+asyncpg://shop:hunter2@db.example:6000/shop")
        assert location.place == "PostgreSQL database 'shop' at db.example:6000"
        assert location.url.password == "hunter2"

    @pytest.mark.parametrize("scheme", ["postgresql+asyncpg", "postgresql", "postgres"])
    def test_usual_names_of_postgresql_are_taken(self, scheme):
        location = locate_store(f"{scheme}://shop@db.example/shop?sslmode=require")
        assert location.url.drivername == "postgresql+asyncpg"
        assert dict(location.url.query) == {"ssl": "require"}

    def test_socket_folder_is_a_host(self):
        assert locate_store("postgresql://shop@/shop?host=/run/db").place.endswith("'shop' at /run/db:5432")

    @pytest.mark.parametrize(
        "url",
        [
            "mysql://shop:hunter2@db.example/shop",
            "postgresql+psycopg://shop:hunter2@db.example/shop",
            "postgresql://shop:hunter2@db.example",
            "postgresql://shop:hunter2@/shop",
            "postgresql://shop:hunter2@db.example:port/shop",
            "postgresql://shop:hunter2@db.example/shop?mode=hunter2",
            "postgresql://shop:hun:ter2@db.example:x/shop",
            "hunter2",
            "",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///var/figment.db?mode=ro",
            "sqlite://hunter2/figment.db",
        ],
    )
    def test_anything_else_is_refused_without_repeating_a_password(self, url):
        with pytest.raises(SettingsRefused) as refusal:
            locate_store(url)
        assert "hunter2" not in str(refusal.value)
        assert "hunter2" not in repr(refusal.value.__cause__)
