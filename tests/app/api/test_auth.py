from datetime import UTC, datetime

import pytest

from app.api.auth import ANONYMOUS, RequireScope, caller_with
from app.store.key_ring import SCOPES, ApiKey

PUBLIC = frozenset({"title"})


def key(kind, *scopes):
    return ApiKey("0123456789ab", "k", kind, scopes, (), None, datetime(2026, 11, 24, tzinfo=UTC), None, None)


class TestCaller:
    def test_with_a_publishable_key_reads_public_attributes_alone(self):
        assert caller_with(key("publishable", "recommend"), PUBLIC).attributes == PUBLIC
        assert caller_with(key("secret", "recommend"), PUBLIC).attributes is None

    def test_with_a_secret_key_has_its_scopes_and_no_more(self):
        caller = caller_with(key("secret", "admin"), PUBLIC)
        assert (caller.key_id, caller.scopes) == ("0123456789ab", {"admin"})
        assert caller.may_read_stored

    def test_with_a_publishable_key_never_reads_what_is_stored(self):
        assert not caller_with(key("publishable", "recommend", "events"), PUBLIC).may_read_stored

    def test_with_a_publishable_key_that_somebody_gave_more_still_has_no_more(self):
        assert caller_with(key("publishable", *SCOPES), PUBLIC).scopes == {"recommend", "events"}

    def test_without_one_may_do_everything_where_nobody_needs_one(self):
        assert ANONYMOUS.scopes == set(SCOPES)
        assert ANONYMOUS.may_read_stored


class TestRequireScope:
    def test_publishable_keys_cannot_be_let_in_where_they_never_have_the_scope(self):
        with pytest.raises(ValueError, match="catalogue"):
            RequireScope("catalogue", publishable=True)
