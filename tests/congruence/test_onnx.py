"""ONNX = torch, for every network that serving runs."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from models.networks.critic import Critic, ServedCritic
from models.networks.export import (
    ServedItemEncoder,
    export_critic,
    export_generator,
    export_item_encoder,
    export_judge,
)
from models.networks.generator import Generator
from models.networks.history_encoder import HistoryEncoder
from models.networks.item_encoder import ItemEncoder
from models.networks.judge import Judge

SIZE, EVENTS, NOISE = 16, 12, 5


def run(file, inputs):
    return ort.InferenceSession(file).run(None, inputs)[0]


def torch_of(inputs):
    return [torch.from_numpy(values) for values in inputs.values()]


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory):
    torch.manual_seed(0)
    encoder = HistoryEncoder(embedding_size=SIZE, num_layers=2, num_heads=2, max_events=EVENTS, dropout=0.5)
    for block in encoder.blocks:
        torch.nn.init.normal_(block.distance_bias)
    made = Generator(encoder, embedding_size=SIZE, noise_size=NOISE).eval()
    file = tmp_path_factory.mktemp("onnx") / "generator.onnx"
    export_generator(made, file, embedding_size=SIZE, max_events=EVENTS)
    return made, file


@pytest.mark.parametrize(("users", "events", "samples"), [(1, 1, 1), (1, EVENTS, 4), (7, 3, 2)])
def test_generator(generator, users: int, events: int, samples: int) -> None:
    made, file = generator
    rng = np.random.default_rng(users)
    mask = rng.random((users, events)) < 0.8
    mask[:, -1] = True
    inputs = {
        "history_features": rng.standard_normal((users, events, SIZE), np.float32),
        "history_mask": mask,
        "event_types": rng.integers(0, 4, (users, events)),
        "gaps": rng.integers(0, 9, (users, events)),
        "noise": rng.standard_normal((users, samples, NOISE), np.float32),
    }
    with torch.no_grad():
        expected = made(*torch_of(inputs)).numpy()
    np.testing.assert_allclose(run(file, inputs), expected, atol=1e-5)


def test_judge(tmp_path) -> None:
    torch.manual_seed(2)
    judge = Judge(7).eval()
    judge.standardise_by(torch.randn(5, 10, 7), torch.ones(5, 10, dtype=torch.bool))
    export_judge(judge, tmp_path / "judge.onnx", num_evidence=7)
    session = ort.InferenceSession(tmp_path / "judge.onnx", providers=["CPUExecutionProvider"])
    for users, candidates in ((1, 1), (3, 100)):
        evidence = torch.randn(users, candidates, 7)
        present = torch.rand(users, candidates) < 0.8
        (served,) = session.run(None, {"evidence": evidence.numpy(), "present": present.numpy()})
        np.testing.assert_allclose(served, judge(evidence, present).detach().numpy(), atol=1e-5)


def test_critic(tmp_path) -> None:
    torch.manual_seed(0)
    critic = Critic(embedding_size=SIZE, hidden_size=32).eval()
    critic.follow(torch.randn(50, SIZE) + 1)
    export_critic(critic, tmp_path / "critic.onnx", embedding_size=SIZE)
    for users, candidates in ((1, 1), (3, 40)):
        inputs = {
            "taste": np.random.default_rng(0).standard_normal((users, SIZE), np.float32),
            "candidates": np.random.default_rng(1).standard_normal((users, candidates, SIZE), np.float32),
        }
        with torch.no_grad():
            expected = ServedCritic(critic)(*torch_of(inputs)).numpy()
        np.testing.assert_allclose(run(tmp_path / "critic.onnx", inputs), expected, atol=1e-5)


def test_item_encoder(tmp_path) -> None:
    """The training path (an embedding bag) and the serving path (gather and sum) are one function."""
    torch.manual_seed(0)
    items = ItemEncoder(text_width=6, num_tags=9, num_items=2, embedding_size=SIZE).eval()
    items.text_mean.normal_()
    export_item_encoder(items, tmp_path / "items.onnx", max_tags=4)
    rng = np.random.default_rng(0)
    tag_rows = rng.integers(0, 10, (5, 4))
    inputs = {
        "text": rng.standard_normal((5, 6), np.float32),
        "tag_rows": tag_rows,
        "tag_weights": (rng.random((5, 4)) * (tag_rows > 0)).astype(np.float32),
        "price": rng.standard_normal((5, 2), np.float32),
    }
    with torch.no_grad():
        served = ServedItemEncoder(items)(*torch_of(inputs)).numpy()
        trained = items(*torch_of(inputs)).numpy()
    np.testing.assert_allclose(served, trained, atol=1e-6)
    np.testing.assert_allclose(run(tmp_path / "items.onnx", inputs), trained, atol=1e-5)
