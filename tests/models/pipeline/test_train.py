import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from app.cli.verbs import main
from models.baselines.tuned_neighbours import MixtureConfig
from models.bundle.manifest import SCHEMA_VERSION
from models.bundle.read import open_bundle, verify_bundle
from models.data.read import load_dataset
from models.data.split import SplitKind
from models.domain.errors import CheckpointMismatch, DatasetError, SettingsRefused, TrainingDiverged
from models.domain.events import EVENT_WEIGHTS, HistoryEvent
from models.domain.progress import NoProgress
from models.domain.recommendation import RecommendationRequest
from models.evaluation.evaluate import EvaluateOptions, EvaluationReport, evaluate, score_systems
from models.evaluation.rival_data import RivalTraining
from models.evaluation.systems import STAGES
from models.features.content import encode_content
from models.pipeline import files, fill_bundle, train_judge
from models.pipeline import train as pipeline
from models.pipeline.choose_system import Choice
from models.pipeline.train import TrainOptions, train
from models.recommend.batch import recommend_file
from models.recommend.recommender import Recommender
from models.recommend.standing import Standing, told_choice
from models.training.choose_fusion import UNTUNED
from models.training.fit_judge import Judging
from models.training.run import NO_STEP


class Told(NoProgress):
    """Progress that keeps what is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tasks: list[str] = []
        self.totals: dict[str, int | None] = {}
        self.steps: Counter[str] = Counter()

    def start(self, task: str, total: int | None = None) -> None:
        self.tasks.append(task)
        self.totals[task] = total

    def advance(self, steps: int = 1, note: str = "") -> None:
        self.steps[self.tasks[-1]] += steps

    def finish(self, note: str = "") -> None:
        self.notes.append(note)


@pytest.fixture
def options(tiny_shop: Path, tmp_path: Path, warm_cache: Path, monkeypatch: pytest.MonkeyPatch) -> TrainOptions:
    """A short run: what these tests ask depends neither on how well and deep the networks are nor on a decoder."""
    small = {"epochs": 1, "min_steps": 1, "num_layers": 1}
    short = lambda profile, seed: replace(training_config(profile, seed), **small)  # noqa: E731
    from models.training.config import training_config

    monkeypatch.setattr(pipeline, "training_config", short)
    monkeypatch.setattr(files, "fit_decoder", lambda *_: None)
    (tmp_path / "cache").symlink_to(warm_cache)
    return TrainOptions(dataset=tiny_shop, out=tmp_path / "bundles" / "b", profile="quick", var=tmp_path)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[list[Judging]]:
    """What the judge was to be fitted on; there the run ends."""
    found: list[list[Judging]] = []

    def stopped(judgings: list[Judging], **_: object) -> None:
        found.append(judgings)
        raise KeyboardInterrupt

    monkeypatch.setattr(train_judge, "fit_judge_on", stopped)
    return found


def identity_ND(folder: Path, shop: Path) -> NDArray[np.float32]:
    """What the index holds beyond catalogue → bundle's spec → bundle's text encoder → bundle's item encoder."""
    bundle = open_bundle(folder)
    in_bundle = pl.DataFrame({"item_id": bundle.item_ids})
    catalogue = in_bundle.join(load_dataset(shop).dataset.catalogue, on="item_id", maintain_order="left")
    content = encode_content(catalogue, bundle.feature_spec, bundle.text_encoder().embed)
    served_ND = bundle.session("item_encoder").run(None, content.as_inputs())[0]
    return bundle.item_features_ND - served_ND


class TestTheTinyBundle:
    def test_is_verified_and_says_what_it_is(self, tiny_bundle: Path) -> None:
        manifest = verify_bundle(tiny_bundle)
        assert manifest.model_version == tiny_bundle.name
        assert manifest.split["kind"] == "temporal"
        assert manifest.exclude_seen
        assert set(manifest.scoreboard) == {*STAGES, "item-knn", "popularity", "ease"}
        assert "tiny shop" in (tiny_bundle / "MODEL_CARD.md").read_text()

    def test_beats_popularity_where_tastes_are_disjoint(self, tiny_bundle: Path) -> None:
        scoreboard = verify_bundle(tiny_bundle).scoreboard
        assert scoreboard["figment"]["hr@10"] > 1.5 * scoreboard["popularity"]["hr@10"]
        assert scoreboard["figment-generator"]["hr@10"] > 1.5 * scoreboard["popularity"]["hr@10"]

    def test_evaluate_gives_the_scoreboard_again(self, tiny_bundle: Path, tiny_shop: Path) -> None:
        manifest = verify_bundle(tiny_bundle)
        evaluated = evaluate(EvaluateOptions(dataset=tiny_shop, bundle=tiny_bundle))
        report = evaluated.to_json()
        assert report["serves"] == manifest.serves
        for name, row in manifest.scoreboard.items():
            assert report["systems"][name]["ndcg@10"] == pytest.approx(row["ndcg@10"], abs=1e-6)
        # and says of it what manifest and card say
        standing = Standing.of(manifest, manifest.serves)
        assert standing.num_users == evaluated.num_users
        assert standing.differences.keys() == manifest.scoreboard.keys() - {manifest.serves}
        assert evaluated.standing is not None
        assert standing.told() == evaluated.standing.told()
        assert str(standing.told()) in (tiny_bundle / "MODEL_CARD.md").read_text()
        assert told_choice(manifest) == evaluated.choice

    def test_lists_of_every_shopper_score_what_the_scoreboard_says(
        self, tiny_bundle: Path, tiny_shop: Path, tmp_path: Path
    ) -> None:
        """`figment recommend` on what was known before the test instant finds exactly what evaluation found."""
        manifest = verify_bundle(tiny_bundle)
        events = pl.read_parquet(tiny_shop / "events.parquet")
        instant = datetime.fromtimestamp(manifest.split["test"], UTC)
        events.filter(pl.col("timestamp") < instant).write_parquet(tmp_path / "events.parquet")
        recommend_file(tiny_bundle, tmp_path / "events.parquet", tmp_path / "lists.parquet", k=10)
        # the tiny shop's baskets hold one item each
        following = events.filter(pl.col("timestamp") >= instant).sort("timestamp").group_by("user_id").first()
        lists = pl.read_parquet(tmp_path / "lists.parquet")
        found = following.join(lists, on=["user_id", "item_id"])
        scored = manifest.scoreboard[manifest.serves]
        assert len(found) / len(following) == pytest.approx(scored["hr@10"], abs=1e-9)
        gains = (1 / (found["rank"] + 1).log(2)).sum() / len(following)
        assert gains == pytest.approx(scored["ndcg@10"], abs=1e-9)

    def test_whoever_may_read_one_file_may_read_all(self, tiny_bundle: Path) -> None:
        files = [path for path in tiny_bundle.rglob("*") if path.is_file()]
        assert {path.stat().st_mode for path in files} == {(tiny_bundle / "manifest.json").stat().st_mode}

    def test_serving_makes_the_features_that_training_made(self, tiny_bundle: Path, tiny_shop: Path) -> None:
        """An item that was trained on is moved from where its content puts it by its identity alone."""
        trained_N = np.load(tiny_bundle / "popularity.npy") > 0
        learned_ND = load_file(tiny_bundle / "weights" / "items.safetensors")["identity.weight"]
        assert np.abs(learned_ND[trained_N]).max() > 1e-3
        np.testing.assert_allclose(identity_ND(tiny_bundle, tiny_shop)[trained_N], learned_ND[trained_N], atol=1e-5)


def is_held_out(split: Mapping[str, Any], part: str) -> pl.Expr:
    """Of the tiny shop's events, whose baskets hold one item each."""
    if split["kind"] == "leave-one-out":
        from_the_end = pl.col("timestamp").rank("ordinal", descending=True).over("user_id")
        return from_the_end == (1 if part == "test" else 2)
    begins = {name: datetime.fromtimestamp(split[name], UTC) for name in ("validation", "test")}
    is_test = pl.col("timestamp") >= begins["test"]
    return is_test if part == "test" else (pl.col("timestamp") >= begins["validation"]) & ~is_test


def with_other_things(shop: Path, folder: Path, is_changed: pl.Expr) -> Path:
    """The shop again, where these events are about things that others took."""
    folder.mkdir()
    events = pl.read_parquet(shop / "events.parquet")
    others = pl.Series(np.random.default_rng(0).permutation(events["item_id"].to_numpy()))
    changed = events.with_columns(item_id=pl.when(is_changed).then(others).otherwise(pl.col("item_id")))
    assert 0 < (changed["item_id"] != events["item_id"]).sum() < events.height / 2
    changed.write_parquet(folder / "events.parquet")
    for name in ("catalogue.parquet", "dataset.json"):
        (folder / name).write_bytes((shop / name).read_bytes())
    return folder


def choose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What validation events would choose is given."""
    monkeypatch.setattr(pipeline, "choose_neighbours", lambda *_, **__: MixtureConfig())
    monkeypatch.setattr(fill_bundle, "choose_fusion", lambda *_, **__: (UNTUNED, {}))
    monkeypatch.setattr(fill_bundle, "choose_beside_judge", lambda *_, **__: (UNTUNED, {}))
    monkeypatch.setattr(fill_bundle, "choose_system", lambda *_, **__: Choice("figment", {}, 0))
    monkeypatch.setattr(fill_bundle, "likeliest_temperature", lambda *_: 1.0)


class TestTrain:
    def test_refits_on_all_events_and_says_so(self, options: TrainOptions) -> None:
        told = Told()
        outcome = train(replace(options, refit=True), told)
        manifest = verify_bundle(outcome.bundle)
        assert manifest.refitted
        assert manifest.num_test_users is not None
        assert manifest.differences.keys() == set(STAGES) | {"popularity"}
        assert manifest.num_events == np.load(outcome.bundle / "popularity.npy").sum()
        assert len({task for task in told.tasks if re.fullmatch(r"training on [\d,]+ events", task)}) == 3
        assert told.steps["writing networks"] == 2 * (told.totals["writing networks"] or 0)
        with pytest.raises(SettingsRefused, match="refitted"):
            evaluate(EvaluateOptions(dataset=options.dataset, bundle=outcome.bundle))

    @pytest.mark.long
    @pytest.mark.parametrize("split", ["temporal", "leave-one-out"])
    @pytest.mark.parametrize("held_out", ["test", "validation"])
    def test_what_is_held_out_changes_no_file(
        self, options: TrainOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: SplitKind, held_out: str
    ) -> None:
        """Only what is said of the bundle: shoppers take other things there, and it is the same.

        Validation events choose weights; with those given, nothing of them is in any file either.
        """
        if held_out == "validation":
            choose_nothing(monkeypatch)
        options = replace(options, split=split)
        plain = verify_bundle(train(options).bundle)
        shop = with_other_things(options.dataset, tmp_path / "other", is_held_out(plain.split, held_out))
        told = verify_bundle(train(replace(options, dataset=shop, out=tmp_path / "bundles" / "other")).bundle)
        assert told.files.keys() == plain.files.keys()
        assert [name for name in plain.files if plain.files[name] != told.files[name]] == ["MODEL_CARD.md"]
        if held_out == "test":  # else these were given
            assert (told.fusion, told.neighbours, told.serves) == (plain.fusion, plain.neighbours, plain.serves)
            assert told.scoreboard != plain.scoreboard

    def test_networks_beyond_help_leave_no_bundle(self, options: TrainOptions, capsys, monkeypatch) -> None:
        """What `figment train` says then is one line, and its exit code tells."""
        reason = "the likelihood is not a finite number; 5 roll-backs did not help"

        def diverges(*_: object, **__: object) -> None:
            raise TrainingDiverged(12, reason)

        monkeypatch.setattr("models.pipeline.fit.train_networks", diverges)
        monkeypatch.chdir(options.var)
        monkeypatch.setattr(
            sys, "argv", ["figment", "train", "--dataset", str(options.dataset.absolute()), "--out", str(options.out)]
        )
        (options.var / "var").mkdir()
        (options.var / "var" / "cache").symlink_to(options.var / "cache")
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 1
        assert reason in capsys.readouterr().err
        assert not options.out.exists()

    def test_without_held_out_events_nothing_is_claimed(self, options: TrainOptions) -> None:
        manifest = verify_bundle(train(replace(options, split="none")).bundle)
        assert manifest.scoreboard == {}
        assert "nothing is claimed" in (options.out / "MODEL_CARD.md").read_text()

    def test_a_shop_that_tells_nothing_of_its_items_and_where_people_come_back(
        self, options: TrainOptions, tmp_path: Path
    ) -> None:
        """Ids are all there is of an item, and every shopper takes everything a second time."""
        shop = tmp_path / "ids"
        shop.mkdir()
        (shop / "dataset.json").write_text((options.dataset / "dataset.json").read_text())
        pl.read_parquet(options.dataset / "catalogue.parquet").select("item_id").write_parquet(
            shop / "catalogue.parquet"
        )
        events = pl.read_parquet(options.dataset / "events.parquet")
        again = events.with_columns(pl.col("timestamp") + pl.duration(days=40))
        pl.concat([events, again]).write_parquet(shop / "events.parquet")
        bundle = train(replace(options, dataset=shop)).bundle
        manifest = verify_bundle(bundle)
        assert not manifest.exclude_seen
        assert 0.3 < manifest.repeat_share < 0.5
        assert manifest.fusion["taken"] > 0
        recommender = Recommender.open(bundle)
        habit = [HistoryEvent("paint-3")] * 3 + [HistoryEvent(f"tea-{number % 8}") for number in range(60)]
        (answer,) = recommender.recommend([RecommendationRequest(habit)])
        assert len(answer.items) == 10
        assert {item.item_id for item in answer.items} <= {f"tea-{number}" for number in range(20)} | {"paint-3"}

    def test_of_shoppers_who_come_once_and_items_without_content_no_figure_is_made_up(
        self, options: TrainOptions, tmp_path: Path
    ) -> None:
        shop = tmp_path / "once"
        shop.mkdir()
        items = [f"i{number}" for number in range(12)]
        pl.DataFrame({"item_id": items}).write_csv(shop / "catalogue.csv")
        once = {
            "user_id": [f"u{number}" for number in range(60)],
            "item_id": [items[5 * number % 12] for number in range(60)],
            "event_type": ["purchase"] * 60,
            "timestamp": [f"2026-01-01T00:{number:02}:00Z" for number in range(60)],
        }
        pl.DataFrame(once).write_csv(shop / "events.csv")
        told = Told()
        manifest = verify_bundle(train(replace(options, dataset=shop), told).bundle)
        assert f"epoch 1/1 · {NO_STEP}" in told.notes
        assert manifest.metrics["exploration"] == {}
        assert all("ild@10" not in row for row in manifest.scoreboard.values())
        card = (options.out / "MODEL_CARD.md").read_text()
        assert "Not measured: no held-out shopper has a history." in card
        assert "No validation shopper has a history, so nothing was compared." in card
        assert "Validation events" not in card
        assert not re.search(r"\bnan\b", card + " ".join(told.notes))

    def test_serves_an_item_that_was_never_trained_on(
        self, options: TrainOptions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        trained_as: list[RivalTraining] = []

        def scored(*args: Any, training: RivalTraining, **kwargs: Any) -> EvaluationReport:
            trained_as.append(training)
            return score_systems(*args, training=training, **kwargs)

        monkeypatch.setattr("models.pipeline.measure.score_systems", scored)
        own_weights = {"view": 0.4}
        bundle = train(replace(options, split="cold-items", event_weights=own_weights)).bundle
        # rivals that read content or events read them as the bundle does
        (training,) = trained_as
        encoder = verify_bundle(bundle).text_encoder.name
        assert (training.profile, training.text_encoder, training.cache) == ("quick", encoder, options.var / "cache")
        assert dict(training.event_weights) == {**EVENT_WEIGHTS, **own_weights}
        untrained_N = np.load(bundle / "popularity.npy") == 0
        assert untrained_N.any()
        # it stands exactly where its content puts it, and that is somewhere
        np.testing.assert_allclose(identity_ND(bundle, options.dataset)[untrained_N], 0.0, atol=1e-5)
        assert (np.abs(np.load(bundle / "item_features.npy")[untrained_N]).max(axis=1) > 1e-3).all()

        recommender = Recommender.open(bundle, wish="figment")
        untrained = [recommender.item_ids[row] for row in np.flatnonzero(untrained_N)]
        request = RecommendationRequest([HistoryEvent(untrained[0])], k=recommender.num_items)
        (answer,) = recommender.recommend([request])
        assert answer.fallback == "none"
        # proposed by the networks: no place of the list was filled up by popularity
        assert answer.sources["popularity"] == pytest.approx(0)
        assert set(untrained[1:]) <= {item.item_id for item in answer.items}

    def test_the_judge_meets_items_that_nobody_has_taken_yet(
        self, options: TrainOptions, judged: list[list[Judging]]
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            train(replace(options, split="leave-one-out"))
        known, others = judged[0]
        events, fewer = known.ranker.facts.events_N, others.ranker.facts.events_N
        is_newcomer = (events > 0) & (fewer == 0)
        assert is_newcomer.sum() == round((events > 0).sum() / 10)
        np.testing.assert_array_equal(events[~is_newcomer], fewer[~is_newcomer])
        # placed by content alone, with neighbours by content alone, and proposed all the same
        moved = others.ranker.source.item_features_ND != known.ranker.source.item_features_ND
        np.testing.assert_array_equal(moved.any(axis=1), is_newcomer)
        proposal = others.ranker.propose(others.ranker.best_guesses(others.cases.histories, 10, True))
        assert np.isin(np.flatnonzero(is_newcomer), proposal.candidates.rows_BC).all()

    def test_the_judge_of_a_temporal_split_meets_what_is_new_there(
        self, options: TrainOptions, judged: list[list[Judging]]
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            train(options)
        assert [len(judgings) for judgings in judged] == [1]

    def test_bundles_of_one_name_in_two_places_share_no_checkpoint(self, options: TrainOptions, tmp_path: Path) -> None:
        elsewhere = replace(options, out=tmp_path / "elsewhere" / options.out.name)
        assert elsewhere.checkpoints != options.checkpoints
        assert replace(options, out=tmp_path / "x" / ".." / "bundles" / "b").checkpoints == options.checkpoints

    def test_a_checkpoint_of_another_split_is_refused_by_its_option(
        self, options: TrainOptions, judged: list[list[Judging]]
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            train(options)
        told = Told()
        with pytest.raises(CheckpointMismatch, match="--split is temporal, this run's is leave-one-out"):
            train(replace(options, split="leave-one-out", resume=True), told)
        assert not any("NDCG" in note for note in told.notes)  # before neighbours are chosen

    def test_an_earlier_runs_checkpoint_is_removed_before_anything_long(
        self, options: TrainOptions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        earlier = options.checkpoints / "judged" / "facts.json"
        earlier.parent.mkdir(parents=True)
        earlier.touch()

        def stopped(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(pipeline, "choose_neighbours", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(options)
        assert not earlier.exists()

    def test_never_overwrites_a_bundle(self, options: TrainOptions, tiny_bundle: Path) -> None:
        with pytest.raises(SettingsRefused, match="already there"):
            train(replace(options, out=tiny_bundle))

    def test_an_interrupted_run_leaves_no_bundle(self, options: TrainOptions, monkeypatch: pytest.MonkeyPatch) -> None:
        def stopped(folder: Path, *_: object) -> None:
            assert list(folder.iterdir()) != []
            raise KeyboardInterrupt

        monkeypatch.setattr(fill_bundle, "write_serving_files", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(options)
        assert list(options.out.parent.iterdir()) == []

    def test_names_what_is_wrong_with_the_data(self, options: TrainOptions, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(DatasetError, match="catalogue"):
            train(replace(options, dataset=tmp_path / "empty"))


def test_a_bundle_holds_no_pickle(tiny_bundle: Path) -> None:
    manifest = verify_bundle(tiny_bundle)
    assert not any(name.endswith((".pt", ".pth", ".pkl")) for name in manifest.files)
    for name in ("item_features.npy", "popularity.npy"):
        np.load(tiny_bundle / name, allow_pickle=False)
    with np.load(tiny_bundle / "neighbours.npz", allow_pickle=False) as neighbours:
        assert all(neighbours[name].dtype != object for name in neighbours.files)
    weights = [name for name in manifest.files if name.startswith("weights/")]
    assert sorted(Path(name).stem for name in weights) == ["critic", "decoder", "generator", "items", "judge"]
    for name in weights:
        assert load_file(tiny_bundle / name)
    assert json.loads((tiny_bundle / "manifest.json").read_text())["schema_version"] == SCHEMA_VERSION
