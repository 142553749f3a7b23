"""How sharply a walk draws: the temperature at which held-out events are likeliest."""

# B cases, A items, D features, Z noise

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.data.split import EvaluationCases
from models.synthesis.workshop import Workshop

TEMPERATURES: Final = (0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.2)
"""Ends where likelihood and likeness part: docs/decisions/0016-imagining.md."""
MAX_CASES: Final = 512


def likeliest_temperature(workshop: Workshop, cases: EvaluationCases, seed: int) -> float:
    """Of `TEMPERATURES`; 1 where there is no case to go by.

    One noise a case, as a walk draws it: what is sampled is what is measured.
    """
    cases = cases.with_history(MAX_CASES, seed)
    cases = cases.take(np.flatnonzero(np.diff(cases.target_offsets_U1) > 0))
    if not cases.num_cases:
        return 1.0
    rng = np.random.default_rng(seed)
    histories = [
        (each.item_rows_E, each.event_types_E, each.timestamps_E)
        for each in (cases.histories.take_users(np.array([case])) for case in range(cases.num_cases))
    ]
    noise = rng.standard_normal((len(histories), 1, workshop.noise_size))
    _, wishes_B1D = workshop.wishes(histories, noise.astype(np.float32))
    similarity_BA = wishes_B1D[:, 0] @ workshop.features_AD.T
    if workshop.recommender.manifest.exclude_seen:
        for case, (rows, _, _) in enumerate(histories):
            similarity_BA[case, rows] = -np.inf
    targets_B = [int(cases.targets_of(case)[0]) for case in range(cases.num_cases)]
    found = [_likelihood(similarity_BA * (workshop.source.similarity_scale / t), targets_B) for t in TEMPERATURES]
    return TEMPERATURES[int(np.argmax(found))]


def _likelihood(logits_BA: np.ndarray, targets_B: Sequence[int]) -> float:
    """Mean log share of the targets; one that is left out as seen says nothing."""
    top_B1 = logits_BA.max(axis=1, keepdims=True)
    mass_B = top_B1[:, 0] + np.log(np.exp(logits_BA - top_B1).sum(axis=1))
    of_target_B = logits_BA[np.arange(len(targets_B)), targets_B] - mass_B
    finite_B = np.isfinite(of_target_B)
    return float(of_target_B[finite_B].mean()) if finite_B.any() else -np.inf
