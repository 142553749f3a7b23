"""Events, items, lists and what is stored of shoppers: over sockets, across processes, and after kill -9."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from figment_client import Figment, NotFound, Refused
from tests.app.api.shoppers import event, guest
from tests.service.process import SCRIPTED, serving
from tests.service.writing import PARTS, Writers, found_in, send

KILLS = 5


class TestKill:
    def test_leaves_every_write_that_was_acknowledged_and_none_by_half(self, tmp_path):
        sent, answered, erased = set(), set(), set()
        before = Writers("none")
        for turn in range(KILLS):
            writers = Writers(f"turn-{turn}")
            with serving(tmp_path, command=SCRIPTED, log_level="warning") as service:
                service.wait_until_ready()
                before.send_again(service.client, before.unanswered)
                writers.write_until_killed(service, random.random() * 0.5, visited=tmp_path / "figment.db")
            sent.update(writers.sent)
            answered.update(before.answered, writers.answered)
            erased.update(writers.erased)
            assert found_in(tmp_path).faults(answered=answered, sent=sent, erased=erased) == []
            before = writers
        with serving(tmp_path, command=SCRIPTED) as service:
            service.wait_until_ready()
            self.check_that_nothing_is_carried_out_twice(service.client, before)
        assert found_in(tmp_path).faults(answered=answered, sent=sent, erased=erased) == []

    def check_that_nothing_is_carried_out_twice(self, client, writers):
        for name, first in list(writers.answered.items())[-60:]:
            answer = send(client, writers.sent[name])
            if "Idempotency-Key" in writers.sent[name].headers or writers.sent[name].path == "/v1/items:batch":
                assert (answer.is_success, answer.content) == (True, first)
            else:
                assert answer.json() == {"accepted": 0, "duplicates": PARTS, "errors": []}


@pytest.fixture(scope="class")
def shop(postgresql):
    """The name of its database."""
    return postgresql.new_database()


@pytest.fixture(scope="class")
def two(tmp_path_factory, postgresql, shop):
    """Two processes that serve the same shop."""
    url = postgresql.url(shop)
    folder = tmp_path_factory.mktemp("two")
    with ExitStack() as stack:
        services = [
            stack.enter_context(serving(folder, command=SCRIPTED, database_url=url, log_level="warning"))
            for _ in range(2)
        ]
        for service in services:
            service.wait_until_ready()
        yield [stack.enter_context(Figment(str(service.client.base_url))) for service in services]


def keep(figment, *events, **options):
    answer = figment.post_events(events=events, **options)
    assert answer["errors"] == []
    return answer


def kept_items(figment, user_id):
    """Newest first."""
    return [one["item_id"] for one in figment.iterate_events(user_id)]


def clicks(figment):
    """Attributed and unattributed."""
    told = figment.model()["outcomes"]
    return sum(arm["events"].get("click", 0) for arm in told["arms"]), told["unattributed"].get("click", 0)


class TestTwoProcesses:
    def test_share_events_histories_and_merges(self, two):
        here, there = two
        keep(here, event("item-0", user_id="shared"), guest("item-1", minutes=0, session_id="shared-session"))
        assert there.recommend_for_user("shared")["fallback"] == "none"
        assert there.merge_session("shared", session_id="shared-session") == {"moved": 1}
        keep(here, guest("item-2", minutes=0, session_id="shared-session"))
        assert sorted(kept_items(there, "shared")) == ["item-0", "item-1", "item-2"]

    def test_a_list_of_one_is_known_to_the_other_at_once(self, two):
        for here, there in (two, two[::-1]):
            attributed, unattributed = clicks(there)
            listed = here.recommend(history=[])
            keep(there, event("item-0", event_type="click", minutes=0, recommendation_id=listed["recommendation_id"]))
            assert clicks(there) == (attributed + 1, unattributed)

    def test_one_key_is_carried_out_once(self, two):
        sent = [event(f"item-{number}", user_id="once") for number in range(20)]
        with ThreadPoolExecutor(8) as crowd:
            answers = crowd.map(lambda turn: tried(two[turn % 2], sent), range(8))
        assert {answer["accepted"] for answer in answers if answer} == {20}
        assert len(kept_items(two[0], "once")) == 20

    def test_the_same_events_sent_to_both_are_kept_once(self, two):
        sent = [event(f"item-{number}", user_id="both", event_id=f"both-{number}") for number in range(50)]
        orders = [sent, sent[::-1]]
        with ThreadPoolExecutor(8) as crowd:
            answers = list(crowd.map(lambda turn: keep(two[turn % 2], *orders[turn // 2 % 2]), range(8)))
        assert sum(answer["accepted"] for answer in answers) == 50
        assert len(kept_items(two[1], "both")) == 50

    def test_who_is_erased_here_is_in_no_list_from_there(self, two, shop, postgresql):
        here, there = two
        keep(here, event("item-0", user_id="erased"))
        for _ in range(20):
            there.recommend(user={"user_id": "erased"})
        here.erase_user("erased")
        time.sleep(1)  # what waited there is written by now
        with pytest.raises(NotFound):
            there.list_events("erased")
        assert postgresql.psql("SELECT count(*) FROM served_lists WHERE user_id = 'erased'", shop) == "0"


def tried(figment, events):
    """The answer; None where another one with the key is still being carried out."""
    try:
        return keep(figment, *events, idempotency_key="only")
    except Refused as refused:
        if refused.status != 409:
            raise
        return None
