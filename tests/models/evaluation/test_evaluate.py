from dataclasses import replace
from pathlib import Path

import pytest

from models.bundle.manifest import DatasetRecord
from models.bundle.read import open_bundle
from models.data.read import load_dataset
from models.data.sequences_from_events import build_sequences
from models.data.shuffle import shuffle_items
from models.data.split import split_sequences
from models.domain.errors import InputError, SettingsRefused, UnknownName
from models.domain.progress import NoProgress
from models.evaluation.evaluate import EvaluateOptions, EvaluationReport, evaluate, score_systems
from models.evaluation.systems import STAGES
from models.evaluation.table import render_table
from models.recommend.recommender import Recommender
from tests.models.bundle.tiny_bundle import tiny_manifest

PROMISED = {
    *(f"{metric}@{k}" for metric in ("hr", "ndcg") for k in (5, 10, 20)),
    "coverage@10",
    "gini@10",
    "ild@10",
    "novelty@10",
    "seconds",
}


@pytest.fixture(scope="module")
def rivals(tiny_shop: Path) -> EvaluationReport:
    return evaluate(EvaluateOptions(dataset=tiny_shop))


def bundle_of(folder: Path, digest: str, **changed: object) -> Path:
    """As much of a bundle as is read before it is refused."""
    folder.mkdir()
    manifest = tiny_manifest("b", dataset=DatasetRecord(name="tiny shop", digest=digest), **changed)
    (folder / "manifest.json").write_bytes(manifest.as_file())
    return folder


class TestRivals:
    def test_json_has_the_promised_shape(self, rivals: EvaluationReport) -> None:
        figures = rivals.to_json()
        assert set(figures) == {"dataset", "split", "seen_filtered", "first_time", "serves", "num_users", "systems"}
        assert figures["serves"] is None
        assert (figures["dataset"], figures["split"], figures["seen_filtered"]) == ("tiny shop", "temporal", True)
        assert set(figures["systems"]) == {"popularity", "item-knn", "ease"}
        for row in figures["systems"].values():
            assert row.keys() >= PROMISED

    def test_co_occurrence_knows_the_taste_groups_and_popularity_does_not(self, rivals: EvaluationReport) -> None:
        known = {name: score.segments["known_items"]["ndcg@10"] for name, score in rivals.scores.items()}
        assert known["item-knn"] > known["popularity"]
        assert known["ease"] > known["popularity"]

    def test_the_best_differs_from_itself_by_nothing(self, rivals: EvaluationReport) -> None:
        rows = rivals.to_json()["systems"]
        assert rows[rivals.best]["ndcg@10_minus_best"] == {"mean": 0, "interval": [0, 0]}
        assert rows["popularity"]["ndcg@10_minus_best"]["mean"] < 0

    def test_is_the_same_again(self, rivals: EvaluationReport, tiny_shop: Path) -> None:
        again = evaluate(EvaluateOptions(dataset=tiny_shop)).to_json()
        once = rivals.to_json()
        for figures in (once, again):
            for row in figures["systems"].values():
                del row["seconds"]
        assert again == once

    def test_renders_as_a_table(self, rivals: EvaluationReport) -> None:
        assert render_table(rivals).count("\n") == 5

    def test_kinds_of_shoppers_stand_below_where_there_are_several(self, rivals: EvaluationReport) -> None:
        kinds = {name: {"num_users": 1, "hr@10": 0.5, "ndcg@10": 0.25} for name in ("taken_before", "first_time")}
        scores = {name: replace(score, segments=kinds) for name, score in rivals.scores.items()}
        _, apart = render_table(replace(rivals, scores=scores)).split("\n\n")
        header, *lines = apart.splitlines()
        assert "taken before (1 shopper)" in header
        assert [line.split()[0] for line in lines] == list(rivals.scores)
        assert lines[0].endswith("0.2500 / 0.5000")

    def test_keep_seen_says_so(self, tiny_shop: Path) -> None:
        report = evaluate(EvaluateOptions(dataset=tiny_shop, systems=["popularity"], keep_seen=True))
        assert not report.seen_filtered
        assert list(report.scores) == ["popularity"]

    def test_first_time_asks_for_nothing_that_was_had(self, tiny_shop: Path, rivals: EvaluationReport) -> None:
        report = evaluate(EvaluateOptions(dataset=tiny_shop, systems=["item-knn"], first_time=True))
        assert report.first_time
        assert report.seen_filtered
        assert report.to_json()["first_time"] is True
        assert report.num_users <= rivals.num_users
        # what was had could not be found: without it no system finds less
        assert report.scores["item-knn"].metrics["ndcg@10"] >= rivals.scores["item-knn"].metrics["ndcg@10"]

    def test_a_trained_one_is_scored_when_named(self, tiny_shop: Path) -> None:
        report = evaluate(EvaluateOptions(dataset=tiny_shop, systems=["sasrec"], profile="quick"))
        assert report.scores["sasrec"].segments["known_items"]["ndcg@10"] > 0.2

    @pytest.mark.real_data
    def test_repeat_purchases_are_neither_hidden_nor_lost(self, shared_data: Path) -> None:
        report = evaluate(EvaluateOptions(dataset=shared_data / "online_retail"))
        assert (report.split, report.seen_filtered) == ("temporal", False)
        knn, popularity = (report.scores[name] for name in ("item-knn", "popularity"))
        assert knn.metrics["ndcg@10"] > 2 * popularity.metrics["ndcg@10"]
        assert {"buy-again", "ease"} <= report.scores.keys()
        assert {"new_users", "new_items", "known_items"} <= knn.segments.keys()
        again = report.scores["buy-again"].segments
        told = report.to_json()["systems"][report.best]["known_items"]["ndcg@10_minus_best"]
        assert told == {"mean": 0.0, "interval": [0.0, 0.0]}
        assert again["taken_before"]["ndcg@10"] > 5 * again["first_time"]["ndcg@10"]
        # without a history, item-kNN gives what is popular, as figment does
        assert knn.segments["new_users"] == popularity.segments["new_users"]
        assert knn.segments["new_users"]["hr@10"] > 0

    @pytest.mark.real_data
    def test_first_time_measures_lists_without_what_was_had(self, shared_data: Path) -> None:
        dataset = shared_data / "online_retail"
        kept = evaluate(EvaluateOptions(dataset=dataset, systems=["item-knn"])).scores["item-knn"]
        report = evaluate(EvaluateOptions(dataset=dataset, first_time=True))
        assert "buy-again" not in report.scores
        assert report.num_users == kept.segments["first_time"]["num_users"]
        # what is due again no longer stands before what is new
        assert report.scores["item-knn"].metrics["ndcg@10"] > kept.segments["first_time"]["ndcg@10"]


class TestSplit:
    def test_is_the_one_asked_for(self, tiny_shop: Path) -> None:
        splits = [
            evaluate(EvaluateOptions(dataset=tiny_shop, systems=["popularity"], split=split)).split
            for split in (None, "leave-one-out")
        ]
        assert splits == ["temporal", "leave-one-out"]


class TestRefusals:
    def test_first_time_and_keep_seen_at_once(self, tiny_shop: Path) -> None:
        with pytest.raises(SettingsRefused, match="--first-time"):
            evaluate(EvaluateOptions(dataset=tiny_shop, keep_seen=True, first_time=True))

    @pytest.mark.parametrize(("name", "value"), [("split", "temporal"), ("seed", 0), ("profile", "full")])
    def test_what_a_bundle_has_itself(self, tiny_shop: Path, tmp_path: Path, name: str, value: object) -> None:
        with pytest.raises(SettingsRefused, match=rf"--{name} {value}: --bundle .*b has its own {name}"):
            evaluate(EvaluateOptions(dataset=tiny_shop, bundle=tmp_path / "b", **{name: value}))

    def test_a_system_that_nobody_knows(self, tiny_shop: Path) -> None:
        with pytest.raises(UnknownName, match="'sasrek'; known: figment"):
            evaluate(EvaluateOptions(dataset=tiny_shop, systems=["sasrek"]))

    def test_figment_without_a_bundle(self, tiny_shop: Path) -> None:
        with pytest.raises(InputError, match="--bundle"):
            evaluate(EvaluateOptions(dataset=tiny_shop, systems=["figment"]))

    def test_a_bundle_of_other_data_by_both_digests(self, tiny_shop: Path, tmp_path: Path) -> None:
        bundle = bundle_of(tmp_path / "b", digest="d" * 64)
        digest = load_dataset(tiny_shop).dataset.digest
        told = f"on 'tiny shop' with digest dddddddd, {tiny_shop} has {digest[:8]}: .* train a bundle on this one"
        with pytest.raises(InputError, match=told):
            evaluate(EvaluateOptions(dataset=tiny_shop, bundle=bundle))

    def test_a_bundle_that_saw_every_event(self, tiny_shop: Path, tmp_path: Path) -> None:
        digest = load_dataset(tiny_shop).dataset.digest
        with pytest.raises(InputError, match="refitted on all events"):
            evaluate(EvaluateOptions(dataset=tiny_shop, bundle=bundle_of(tmp_path / "b", digest, refitted=True)))
        whole = bundle_of(tmp_path / "c", digest, split={"kind": "none", "seed": 0})
        with pytest.raises(InputError, match="trained on all events"):
            evaluate(EvaluateOptions(dataset=tiny_shop, bundle=whole))


class TestBundle:
    def test_every_stage_is_scored_beside_the_rivals(self, tiny_shop: Path, tiny_bundle: Path) -> None:
        report = evaluate(EvaluateOptions(dataset=tiny_shop, bundle=tiny_bundle))
        assert set(report.scores) == {*STAGES, "item-knn", "popularity", "ease"}
        assert report.scores["figment"].metrics["ndcg@10"] > report.scores["popularity"].metrics["ndcg@10"]

    def test_lists_are_asked_by_the_rule_that_the_bundle_serves_by(self, tiny_shop: Path, tiny_bundle: Path) -> None:
        """Not by the one that the data would have now."""
        bundle = open_bundle(tiny_bundle)
        assert bundle.manifest.exclude_seen
        dataset = shuffle_items(load_dataset(tiny_shop).dataset, 0)
        split = split_sequences(build_sequences(dataset, seed=0), "temporal", time="real", seed=0)
        for rule in (True, False):
            manifest = bundle.manifest.model_copy(update={"exclude_seen": rule})
            recommender = Recommender(replace(bundle, manifest=manifest))
            report = score_systems(["popularity"], dataset, split, recommender, seed=0, progress=NoProgress())
            assert report.seen_filtered == rule
