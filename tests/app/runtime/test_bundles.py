import os
from datetime import UTC, datetime, timedelta

import pytest

from app.runtime.bundles import Bundles
from app.store.active_model import ActiveModel
from models.bundle.versions import POINTER, promote
from models.domain.errors import BundleNotFound, UnknownName
from tests.second_bundle import write_second_bundle

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def root(tiny_bundle, tmp_path):
    for version in ("one", "two"):
        write_second_bundle(tiny_bundle, tmp_path / "bundles" / version)
    return tmp_path / "bundles"


def activated(version, at=NOON):
    return ActiveModel(version, None, 1, at)


def promoted(root, version, at):
    promote(root, version)
    os.utime(root / POINTER, (at.timestamp(), at.timestamp()))


class TestAtStart:
    def test_the_newest_where_nobody_decided(self, root):
        assert Bundles(root).at_start(None) == root / "two"

    def test_what_was_decided_last(self, root):
        promoted(root, "one", NOON)
        assert Bundles(root).at_start(None) == root / "one"
        assert Bundles(root).at_start(activated("two", NOON + timedelta(seconds=1))) == root / "two"
        assert Bundles(root).at_start(activated("two", NOON - timedelta(seconds=1))) == root / "one"

    def test_the_named_one_before_all(self, root):
        assert Bundles(root, root / "one").at_start(activated("two")) == root / "one"

    def test_an_activated_one_that_is_not_here_is_named(self, root):
        with pytest.raises(BundleNotFound, match="three"):
            Bundles(root).at_start(activated("three"))


class TestFind:
    def test_finds_those_of_the_folder_and_the_named_one(self, root, tiny_bundle):
        bundles = Bundles(root, tiny_bundle)
        assert [each.version for each in bundles.all()] == [tiny_bundle.name, "two", "one"]
        assert bundles.find(tiny_bundle.name) == tiny_bundle
        assert bundles.find("one") == root / "one"
        with pytest.raises(UnknownName, match="known: tiny-1, two, one"):
            bundles.find("../one")
