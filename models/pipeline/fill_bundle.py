"""Last step: what was fitted to the files of a bundle, then weights chosen and systems measured on those very files."""

import resource
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from models.bundle import layout
from models.bundle.manifest import DatasetRecord, Manifest, TextEncoderRecord
from models.bundle.read import load_bundle
from models.bundle.write import place_text_encoder
from models.data.split import EvaluationCases
from models.networks.judge import Judge
from models.pipeline.choose_system import choose_system
from models.pipeline.files import write_imagining_files, write_serving_files
from models.pipeline.fit import Fitted, Fitting
from models.pipeline.measure import measure
from models.pipeline.model_card import model_card
from models.recommend.build import build_ranker
from models.recommend.evidence import EVIDENCE
from models.recommend.golden import record_golden
from models.recommend.profiles import measure_profiles
from models.recommend.proposals import Proposals
from models.recommend.recommender import Recommender
from models.synthesis.temperature import likeliest_temperature
from models.synthesis.workshop import Workshop
from models.training.choose_fusion import UNTUNED, choose_beside_judge, choose_fusion

MEASURING_THREADS: Final = 2
MEASURED: Final = ("fusion", "serves", "num_validation_users", "scoreboard", "num_test_users", "differences")
"""Fields of the manifest that held-out events decide."""


def fill_bundle(
    folder: Path, version: str, fitting: Fitting, fitted: Fitted, judge: Judge | None, *, refit: bool
) -> Manifest:
    """Every file of an unsealed bundle but its manifest, which is returned.

    With `refit`, everything but judge and weights is fitted again on all events after measuring.
    """
    prepared = fitting.prepared
    place_text_encoder(*prepared.text_encoder, folder)
    figures = _write_files(folder, fitting, fitted, judge)
    manifest = _draft(version, fitting, fitted, judge, figures)
    if prepared.split.validation is not None:
        manifest = _measured(folder, manifest, fitting, prepared.split.validation)
    if refit:
        refitted = fitting.fit(prepared.sequences, "refitted")
        figures = _write_files(folder, fitting, refitted, judge)
        everything = _draft(version, fitting, refitted, judge, figures)
        kept = (*MEASURED, "created_at")
        metrics = {**manifest.metrics, **everything.metrics}
        update = {name: getattr(manifest, name) for name in kept} | {"refitted": True, "metrics": metrics}
        manifest = everything.model_copy(update=update)
    manifest = manifest.model_copy(update={"metrics": {**manifest.metrics, **_spent()}})
    bundle = load_bundle(folder, manifest)
    recommender, seed = Recommender(bundle), fitting.config.seed
    record_golden(folder, recommender.recommend, bundle.item_ids, bundle.popularity_N, seed)
    profiles = measure_profiles(recommender, bundle.popularity_N, manifest.metrics["index"]["recall"], seed)
    manifest = manifest.model_copy(update={"metrics": {**manifest.metrics, "profiles": profiles}})
    (folder / layout.MODEL_CARD).write_text(model_card(manifest), encoding="utf-8")
    return manifest


def _spent() -> dict[str, float]:
    """What this process took so far, reading and measuring included; `resumed_steps` says what it did not do."""
    return {
        "training_cpu_seconds": round(time.process_time(), 1),
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _write_files(folder: Path, fitting: Fitting, fitted: Fitted, judge: Judge | None) -> dict[str, Any]:
    """The figures of index and decoder."""
    chosen = write_serving_files(folder, fitted, judge, fitting.prepared, fitting.progress)
    fitting.progress.start("fitting the decoder")
    figures = write_imagining_files(folder, fitted, fitting.prepared, fitting.config.seed)
    told = ", ".join(f"{name} {figures[name]:.2f}" for name in ("category", "brand", "words") if name in figures)
    fitting.progress.finish(f"right on held-out items: {told}" if told else "too little to learn one from")
    return {"index": chosen.as_dict(), "decoder": figures}


def _measured(folder: Path, manifest: Manifest, fitting: Fitting, validation: EvaluationCases) -> Manifest:
    """The manifest with what validation events chose, and what test events say of it."""
    prepared, seed, progress = fitting.prepared, fitting.config.seed, fitting.progress
    proposals = Proposals.to(validation.num_cases)
    rules: dict[str, Any] = {
        "exclude_seen": prepared.exclude_seen,
        "seed": seed,
        "progress": progress,
        "proposals": proposals,
    }
    ranker = build_ranker(load_bundle(folder, manifest), MEASURING_THREADS)
    weights, of_weights = choose_fusion(ranker, validation, **rules)
    weights, of_beside = choose_beside_judge(replace(ranker, weights=weights), validation, **rules)
    manifest = manifest.model_copy(update={"fusion": weights.as_dict()})
    recommender = Recommender(load_bundle(folder, manifest), threads=MEASURING_THREADS)
    choice = choose_system(recommender.ranker, validation, **rules)
    del proposals, rules, ranker
    measured = measure(recommender, prepared, fitting.config, progress)
    metrics = {
        **manifest.metrics,
        "validation_ndcg@10": {**of_weights, **of_beside, **choice.reached},
        "exploration": measured.exploration,
        "synthesis": {"temperature": likeliest_temperature(Workshop(recommender), validation, seed)},
    }
    return manifest.model_copy(
        update={
            "metrics": metrics,
            "serves": choice.serves,
            "num_validation_users": choice.num_users,
            "scoreboard": measured.scoreboard,
            "num_test_users": measured.num_users,
            "differences": measured.differences,
        }
    )


def _draft(version: str, fitting: Fitting, fitted: Fitted, judge: Judge | None, figures: Mapping[str, Any]) -> Manifest:
    """All that is known before anything is measured."""
    prepared, trained, config = fitting.prepared, fitted.trained, fitting.config
    info = prepared.dataset.info
    return Manifest(
        model_version=version,
        created_at=datetime.now(UTC),
        training=config.as_dict(),
        dataset=DatasetRecord(
            name=info.name,
            digest=prepared.dataset.digest,
            source=info.source,
            licence=info.licence,
            time=info.time,
        ),
        split={"kind": prepared.split.kind, "seed": config.seed, **prepared.split.instants},
        git_revision=git_revision(),
        metrics={
            "training": dict(trained.means),
            "networks_cpu_seconds": round(trained.cpu_seconds, 1),
            "probe": dict(trained.figures),
            "incidents": list(fitting.incidents),
            "resumed_steps": dict(fitting.resumed_steps),
            **figures,
        },
        scoreboard={},
        serves="figment",
        fusion=UNTUNED.as_dict(),
        neighbours=fitting.mixture.as_dict(),
        evidence=EVIDENCE if judge is not None else (),
        feature_spec=prepared.spec.scalars(),
        feature_spec_digest=prepared.spec.digest,
        exclude_seen=prepared.exclude_seen,
        repeat_share=prepared.repeat_share,
        num_items=prepared.content.num_items,
        num_users=int((fitted.train.lengths_U > 0).sum()),
        num_events=fitted.train.num_events,
        embedding_size=config.embedding_size,
        noise_size=config.noise_size,
        similarity_scale=float(trained.networks.generator.log_scale.exp()),
        max_history_events=prepared.spec.max_history_events,
        text_encoder=TextEncoderRecord(name=prepared.text_encoder_name, digest=prepared.spec.text_encoder_digest),
    )


def git_revision() -> str | None:
    """The revision of the code, where it runs from a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
