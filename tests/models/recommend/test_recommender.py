import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.bundle.read import open_bundle
from models.domain.errors import BundleError, GoldenReplayFailed, HistoryTooLong, SettingsRefused, UnknownName
from models.domain.events import HistoryEvent
from models.domain.filter import Comparison
from models.domain.recommendation import RecommendationRequest
from models.recommend import build
from models.recommend.batch import recommend_file
from models.recommend.evidence import EVIDENCE
from models.recommend.golden import replay_golden
from models.recommend.live.documents import ItemDocument
from models.recommend.recommender import Recommender
from models.recommend.systems import STAGE_OF

TEA = [f"tea-{number}" for number in range(20)]
PAINT = [f"paint-{number}" for number in range(20)]


@pytest.fixture(scope="module")
def recommender(tiny_bundle: Path) -> Recommender:
    return Recommender.open(tiny_bundle)


def ask(recommender: Recommender, *item_ids: str, **wishes):
    history = [HistoryEvent(item_id) for item_id in item_ids]
    (answer,) = recommender.recommend([RecommendationRequest(history, **wishes)])
    return answer


def ids(answer) -> list[str]:
    return [item.item_id for item in answer.items]


class TestRecommend:
    @pytest.mark.parametrize("group", [TEA, PAINT])
    def test_stays_within_the_shoppers_taste(self, recommender: Recommender, group: list[str]) -> None:
        for start in range(0, 16, 4):
            listed = ids(ask(recommender, *group[start : start + 3]))
            assert len(listed) == 10
            assert sum(item_id in group for item_id in listed) == 10

    def test_leaves_out_what_was_seen_unless_asked(self, recommender: Recommender) -> None:
        assert recommender.manifest.exclude_seen
        assert not set(TEA[:3]) & set(ids(ask(recommender, *TEA[:3], k=30)))
        assert set(TEA[:3]) <= set(ids(ask(recommender, *TEA[:3], k=40, exclude_seen=False)))

    def test_never_lists_an_excluded_item(self, recommender: Recommender) -> None:
        assert not set(TEA[5:12]) & set(ids(ask(recommender, "tea-1", k=40, exclude_item_ids=TEA[5:12])))

    def test_an_exclusion_never_reorders_the_rest(self, recommender: Recommender) -> None:
        whole = ids(ask(recommender, "tea-1", "tea-2", k=30))
        cut = ids(ask(recommender, "tea-1", "tea-2", k=30, exclude_item_ids=whole[:5]))
        assert cut[:25] == whole[5:30]

    def test_skips_unknown_items_with_a_warning(self, recommender: Recommender) -> None:
        with_unknown = ask(recommender, "tea-1", "never-heard-of")
        assert ids(with_unknown) == ids(ask(recommender, "tea-1"))
        assert with_unknown.warnings == ["item 'never-heard-of' of the history is not in the catalogue: skipped"]

    def test_popular_items_where_there_is_no_history(self, recommender: Recommender) -> None:
        answer = ask(recommender, k=5)
        counts = np.load(Path(recommender.folder) / "popularity.npy")
        assert (answer.fallback, answer.sources) == ("popularity", {"popularity": 1.0})
        assert [counts[item.item_row] for item in answer.items] == sorted(counts, reverse=True)[:5]
        assert ids(ask(recommender, "never-heard-of", k=5)) == ids(answer)

    def test_popular_items_are_no_fallback_where_they_are_what_serves(self, recommender: Recommender) -> None:
        popular = Recommender.open(Path(recommender.folder), wish="popularity")
        assert ask(popular, "tea-1", k=5).fallback == "none"
        assert ask(popular, k=5).fallback == "popularity"

    def test_an_impression_is_no_history(self, recommender: Recommender) -> None:
        history = [HistoryEvent("tea-1"), HistoryEvent("paint-3", "impression")]
        (answer,) = recommender.recommend([RecommendationRequest(history, k=40)])
        assert ids(answer) == ids(ask(recommender, "tea-1", k=40))

    def test_orders_by_time_where_every_event_has_one(self, recommender: Recommender) -> None:
        forward = [HistoryEvent("tea-1", timestamp_seconds=10.0), HistoryEvent("tea-9", timestamp_seconds=99.0)]
        answers = recommender.recommend([RecommendationRequest(forward), RecommendationRequest(forward[::-1])])
        assert [item.score for item in answers[0].items] == [item.score for item in answers[1].items]

    def test_never_lists_what_is_out_of_stock(self, tiny_bundle: Path) -> None:
        bundle = open_bundle(tiny_bundle)
        gone = TEA[:9]
        stock = bundle.catalogue.with_columns(in_stock=~pl.col("item_id").is_in(gone))
        without = Recommender(replace(bundle, catalogue=stock))
        whole = Recommender(bundle)
        for items in (["tea-15"], []):
            expected = [each for each in ids(ask(whole, *items, k=40)) if each not in gone]
            assert ids(ask(without, *items, k=40)) == expected

    def test_says_when_the_catalogue_runs_out(self, recommender: Recommender) -> None:
        answer = ask(recommender, "tea-1", k=100)
        assert answer.under_filled
        assert len(answer.items) == recommender.num_items - 1
        assert len(set(ids(answer))) == len(answer.items)

    @pytest.mark.parametrize("history", [["tea-1"], []])
    def test_an_empty_list_has_no_sources(self, recommender: Recommender, history: list[str]) -> None:
        answer = ask(recommender, *history, exclude_item_ids=[*TEA, *PAINT])
        assert (list(answer.items), answer.sources, answer.under_filled) == ([], {}, True)

    def test_scores_fall_from_place_to_place(self, recommender: Recommender) -> None:
        scores = [item.score for item in ask(recommender, "tea-1", k=39).items]
        assert scores == sorted(scores, reverse=True)
        assert 0 <= scores[-1] <= scores[0] <= 1

    def test_calls_of_the_networks_are_bounded_by_their_samples(self, tiny_bundle: Path) -> None:
        recommender, sizes = Recommender.open(tiny_bundle), []
        generator = recommender.ranker.source.generator

        def counting(inputs):
            sizes.append(inputs["noise"].shape[:2])
            return generator(inputs)

        recommender.ranker = replace(recommender.ranker, source=replace(recommender.ranker.source, generator=counting))
        histories = [[TEA[number % 20], PAINT[number % 7]][: 1 + number % 2] for number in range(60)]
        requests = [
            RecommendationRequest([HistoryEvent(each) for each in ids], seed=1, exploration=1.0, num_samples=32)
            for ids in histories
        ]
        together = recommender.recommend(requests)
        assert max(users for users, _ in sizes) < 20
        assert sum(users for users, _ in sizes) == 60
        alone = [recommender.recommend([request])[0] for request in requests]
        assert [ids(answer) for answer in together] == [ids(answer) for answer in alone]

    def test_the_seed_decides_the_exploration(self, recommender: Recommender) -> None:
        def explored(seed: int):
            return ask(recommender, "tea-1", k=20, exploration=1.0, num_samples=4, seed=seed)

        assert explored(1).items == explored(1).items
        assert explored(1).items != explored(2).items
        assert ask(recommender, "tea-1", seed=1).items == ask(recommender, "tea-1", seed=2).items

    def test_refuses_a_history_over_the_limit(self, recommender: Recommender) -> None:
        with pytest.raises(HistoryTooLong, match="501 events, the limit is 500"):
            ask(recommender, *["tea-1"] * 501)

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from([*TEA, *PAINT, "unknown"]), max_size=60),
                st.integers(1, 45),
                st.sampled_from([0.0, 0.5]),
                st.integers(1, 4),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_a_request_is_answered_alone_as_in_company(self, recommender: Recommender, asked) -> None:
        requests = [
            RecommendationRequest(
                [HistoryEvent(each) for each in items], k=k, exploration=exploration, num_samples=samples
            )
            for items, k, exploration, samples in asked
        ]
        for request, together in zip(requests, recommender.recommend(requests), strict=True):
            (alone,) = recommender.recommend([request])
            assert len(alone.items) == len(together.items)
            score_of = {item.item_id: item.score for item in alone.items}
            for one, other in zip(alone.items, together.items, strict=True):
                assert one.score == pytest.approx(other.score, abs=1e-5)
                # items closer than the tolerance may swap
                assert score_of.get(other.item_id, one.score) == pytest.approx(one.score, abs=2e-5)


class TestSystems:
    @pytest.mark.parametrize(
        ("wish", "serves"), [*((name, name) for name in STAGE_OF), ("item-knn", "item-knn+content")]
    )
    def test_one_bundle_serves_whichever_is_wished_for(self, tiny_bundle: Path, wish, serves: str) -> None:
        chosen = Recommender.open(tiny_bundle, wish=wish)
        assert chosen.serves == serves
        assert len(ask(chosen, "tea-1").items) == 10

    def test_auto_is_the_winner_of_validation(self, tiny_bundle: Path, recommender: Recommender) -> None:
        reached = recommender.manifest.metrics["validation_ndcg@10"]
        assert recommender.serves == recommender.manifest.serves
        assert reached[recommender.serves] == max(reached[name] for name in STAGE_OF)

    def test_popularity_lists_the_same_for_everyone(self, tiny_bundle: Path) -> None:
        chosen = Recommender.open(tiny_bundle, wish="popularity")
        answer = ask(chosen, "tea-1", exclude_seen=False)
        assert ids(answer) == ids(ask(chosen))
        assert answer.sources == {"popularity": 1.0}

    def test_a_judge_of_other_evidence_is_refused(self, tiny_bundle: Path) -> None:
        bundle = open_bundle(tiny_bundle)
        manifest = bundle.manifest.model_copy(update={"evidence": ("gossip", *EVIDENCE)})
        with pytest.raises(BundleError, match=r"evidence that .* does not gather \(gossip\): train again"):
            Recommender(replace(bundle, manifest=manifest))

    def test_weights_that_nobody_knows_are_told(self, tiny_bundle):
        bundle = open_bundle(tiny_bundle)
        manifest = bundle.manifest.model_copy(update={"fusion": {"neighbours": 1.0, "gossip": 2.0}})
        with pytest.raises(BundleError, match=r"weighted by what .* does not know \(gossip\): train again"):
            Recommender(replace(bundle, manifest=manifest))

    def test_a_judge_of_an_earlier_version_is_shown_what_it_knows(self, tiny_bundle: Path, monkeypatch) -> None:
        bundle, shown = open_bundle(tiny_bundle), []
        monkeypatch.setattr(build, "run_network", lambda _: shown.append)
        known = EVIDENCE[5:1:-1]
        manifest = bundle.manifest.model_copy(update={"evidence": known})
        judge = build.run_judge(replace(bundle, manifest=manifest), 1)
        judge({"evidence": np.arange(len(EVIDENCE), dtype=np.float32)[None, None], "present": np.ones((1, 1), bool)})
        assert shown[0]["evidence"].tolist() == [[[5, 4, 3, 2]]]


class TestPropertiesOf:
    def test_gives_catalogue_values(self, recommender: Recommender) -> None:
        row = list(recommender.item_ids).index("tea-4")
        assert recommender.properties_of([row], ["title", "price"]) == [{"title": "tea number 4", "price": 5.0}]

    def test_names_what_exists_for_an_unknown_column(self, recommender: Recommender) -> None:
        with pytest.raises(UnknownName, match=r"unknown property .colour.; known: .*title"):
            recommender.properties_of([0], ["colour"])


class TestRankSequences:
    def test_is_what_recommend_answers(self, recommender: Recommender) -> None:
        from models.data.sequences import Sequences

        rows = [recommender.row_of[item_id] for item_id in TEA[:3]]
        histories = Sequences(
            user_ids=["a", "nobody"],
            offsets_U1=np.array([0, 3, 3]),
            item_rows_E=np.array(rows, np.int32),
            event_types_E=np.full(3, 3, np.int8),
            timestamps_E=np.full(3, -1, np.int64),
        )
        ranked, scores = recommender.ranker.rank_sequences(histories, 10, True, STAGE_OF[recommender.serves])
        asked = ask(recommender, *TEA[:3])
        assert [recommender.item_ids[row] for row in ranked[0]] == ids(asked)
        np.testing.assert_allclose(scores[0], [item.score for item in asked.items], atol=1e-5)
        assert [recommender.item_ids[row] for row in ranked[1]] == ids(ask(recommender))


class TestRecommendFile:
    def test_lists_every_shopper_of_the_file(self, tiny_bundle: Path, tmp_path: Path, recommender: Recommender) -> None:
        events = tmp_path / "events.csv"
        lines = ["a,tea-1,2026-01-01T00:00:00Z", "a,tea-2,2026-01-02T00:00:00Z", "b,unknown,2026-01-01T00:00:00Z"]
        events.write_text("user_id,item_id,timestamp\n" + "\n".join(lines) + "\n")
        assert recommend_file(tiny_bundle, events, tmp_path / "out.parquet", k=5) == (2, 1)
        table = pl.read_parquet(tmp_path / "out.parquet")
        assert table.columns == ["user_id", "item_id", "rank", "score"]
        history = [
            HistoryEvent("tea-1", timestamp_seconds=1767225600.0),
            HistoryEvent("tea-2", timestamp_seconds=1767312000.0),
        ]
        (expected,) = recommender.recommend([RecommendationRequest(history, k=5)])
        assert table.filter(user_id="a")["item_id"].to_list() == ids(expected)
        assert table.filter(user_id="b")["item_id"].to_list() == ids(ask(recommender, k=5))
        assert table.filter(user_id="a")["rank"].to_list() == [1, 2, 3, 4, 5]

    @pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
    def test_writes_the_format_of_the_name(self, tiny_bundle: Path, tmp_path: Path, suffix: str) -> None:
        events = tmp_path / "events.csv"
        events.write_text("who,item_id,timestamp\n007,tea-1,0\n")
        for name in ("lists.parquet", f"lists{suffix}"):
            recommend_file(tiny_bundle, events, tmp_path / name, k=5, column_map={"events.user_id": "who"})
        parquet = pl.read_parquet(tmp_path / "lists.parquet")
        read = pl.read_csv if suffix == ".csv" else pl.read_ndjson
        assert parquet.equals(read(tmp_path / f"lists{suffix}", schema=parquet.schema))

    def test_refuses_other_formats_before_the_work(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsRefused, match=r"lists\.txt: unknown format '\.txt' .* \.parquet, \.csv, \.jsonl"):
            recommend_file(tmp_path / "no-bundle", tmp_path / "no-events", tmp_path / "lists.txt", k=5)

    def test_hides_what_a_shopper_dislikes(self, tiny_bundle: Path, tmp_path: Path, recommender: Recommender) -> None:
        first = ids(ask(recommender, "tea-1", k=1))[0]
        events = tmp_path / "events.csv"
        events.write_text(
            "user_id,item_id,timestamp,event_type\n"
            f"a,tea-1,2026-01-01T00:00:00Z,purchase\na,{first},2026-01-02T00:00:00Z,dislike\n"
        )
        recommend_file(tiny_bundle, events, tmp_path / "out.parquet", k=40)
        listed = pl.read_parquet(tmp_path / "out.parquet")["item_id"].to_list()
        assert first not in listed
        history = [HistoryEvent("tea-1", timestamp_seconds=1.0), HistoryEvent(first, "dislike", 2.0)]
        assert listed == ids(recommender.recommend([RecommendationRequest(history, k=40)])[0])


class TestGolden:
    def lines(self, tiny_bundle: Path) -> list[dict]:
        return [json.loads(line) for line in (tiny_bundle / "golden.jsonl").read_text().splitlines()]

    def replay(self, folder: Path, lines: list[dict], recommender: Recommender) -> None:
        (folder / "golden.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
        replay_golden(folder, recommender.recommend)

    def test_replays_what_was_recorded(self, tiny_bundle: Path, tmp_path: Path, recommender: Recommender) -> None:
        self.replay(tmp_path, self.lines(tiny_bundle), recommender)

    def test_another_order_is_named(self, tiny_bundle: Path, tmp_path: Path, recommender: Recommender) -> None:
        lines = self.lines(tiny_bundle)
        items = lines[3]["items"]
        items[0], items[-1] = [items[-1][0], items[0][1]], [items[0][0], items[-1][1]]
        with pytest.raises(GoldenReplayFailed, match=r"golden request 3: .* at place 1 instead of"):
            self.replay(tmp_path, lines, recommender)

    def test_another_score_is_named(self, tiny_bundle: Path, tmp_path: Path, recommender: Recommender) -> None:
        lines = self.lines(tiny_bundle)
        lines[2]["items"][4][1] += 0.01
        with pytest.raises(GoldenReplayFailed, match="golden request 2: score"):
            self.replay(tmp_path, lines, recommender)

    def test_what_is_no_record_is_a_corrupt_bundle(self, tmp_path: Path, recommender: Recommender) -> None:
        with pytest.raises(BundleError, match=r"golden\.jsonl"):
            self.replay(tmp_path, [{"history": "x"}], recommender)

    def test_publishes_no_shoppers_history(self, tiny_bundle: Path, tiny_shop: Path) -> None:
        events = pl.read_parquet(tiny_shop / "events.parquet")
        histories = {
            tuple(items) for items in events.group_by("user_id", maintain_order=True).agg("item_id")["item_id"]
        }
        assert not any(tuple(line["history"]) in histories for line in self.lines(tiny_bundle) if line["history"])


class TestStillListable:
    def test_answers_rows_of_what_may_still_be_listed(self, recommender: Recommender) -> None:
        request = RecommendationRequest((), filter=Comparison("price", "lt", 3.0))
        rows = recommender.still_listable(request, ["tea-0", "tea-19", "nobody's", "paint-1"])
        assert rows == [recommender.row_of["tea-0"], None, None, recommender.row_of["paint-1"]]

    def test_exclusions_count_for_nothing(self, recommender: Recommender) -> None:
        request = RecommendationRequest([HistoryEvent("tea-0")], exclude_item_ids=["tea-1"])
        assert None not in recommender.still_listable(request, ["tea-0", "tea-1"])

    def test_deleted_and_sold_out_items_are_none(self, recommender: Recommender) -> None:
        gone = ItemDocument("tea-0", {}, is_deleted=True)
        sold_out = ItemDocument("tea-1", {"in_stock": False}, merges=True)
        changed = recommender.changed([gone, sold_out], revision=2)
        assert changed.still_listable(RecommendationRequest(()), ["tea-0", "tea-1"]) == [None, None]
        both = changed.still_listable(RecommendationRequest((), include_out_of_stock=True), ["tea-0", "tea-1"])
        assert both == [None, changed.row_of["tea-1"]]
