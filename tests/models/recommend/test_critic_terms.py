import numpy as np
import onnxruntime as ort
import pytest
import torch

from models.domain.layered_rows import layered
from models.networks.critic import Critic, CriticOfItems, ServedCritic
from models.networks.export import export_critic_of_items
from models.recommend.critic_terms import CriticTerms
from models.recommend.sessions import run_network

SIZE, HIDDEN, ITEMS = 16, 12, 40


@pytest.fixture(scope="module")
def critic():
    torch.manual_seed(0)
    made = Critic(embedding_size=SIZE, hidden_size=HIDDEN).eval()
    made.follow(torch.randn(50, SIZE) + 1)
    return made


@pytest.fixture(scope="module")
def features_ND():
    return np.random.default_rng(0).standard_normal((ITEMS, SIZE), np.float32)


@pytest.fixture(scope="module")
def terms(critic, features_ND, tmp_path_factory):
    file = tmp_path_factory.mktemp("onnx") / "critic_items.onnx"
    export_critic_of_items(critic, file, embedding_size=SIZE)
    network = run_network(ort.InferenceSession(file))
    return CriticTerms(network({"features": features_ND}), CriticOfItems(critic).taste_weights().numpy(), network)


def asked_of_the_network(critic, taste_BD, features_BCD):
    with torch.no_grad():
        return ServedCritic(critic)(torch.from_numpy(taste_BD), torch.from_numpy(features_BCD)).numpy()


def test_say_what_the_network_says_of_each_pair(critic, terms, features_ND):
    rng = np.random.default_rng(1)
    taste_BD = rng.standard_normal((3, SIZE), np.float32)
    rows_BC = rng.integers(ITEMS, size=(3, 7)).astype(np.int32)
    expected = asked_of_the_network(critic, taste_BD, features_ND[rows_BC])
    np.testing.assert_allclose(terms.logits(taste_BD, rows_BC), expected, atol=1e-5)


def test_are_those_of_changed_and_of_new_items(critic, terms, features_ND):
    rng = np.random.default_rng(2)
    rows_C, values_CD = np.array([3, ITEMS], np.int32), rng.standard_normal((2, SIZE), np.float32)
    after = layered(features_ND).changed(rows_C, values_CD, ITEMS + 1)
    taste_BD = rng.standard_normal((1, SIZE), np.float32)
    rows_BC = np.array([[2, 3, ITEMS]], np.int32)
    expected = asked_of_the_network(critic, taste_BD, after[rows_BC])
    np.testing.assert_allclose(
        terms.changed(rows_C, values_CD, ITEMS + 1).logits(taste_BD, rows_BC), expected, atol=1e-5
    )
