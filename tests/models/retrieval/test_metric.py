import subprocess
import sys

import faiss
import numpy as np
import torch

from models.retrieval.metric import InnerProduct


class TestInnerProduct:
    def test_is_the_inner_product(self) -> None:
        queries, items = np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [-1.0, 0.5], [0.0, 0.0]])
        np.testing.assert_allclose(InnerProduct.similarity(queries, items), [[11.0, 0.0, 0.0]])

    def test_torch_and_numpy_agree(self) -> None:
        rng = np.random.default_rng(0)
        queries, items = rng.normal(size=(3, 8)), rng.normal(size=(5, 8))
        by_torch = InnerProduct.similarity(torch.from_numpy(queries), torch.from_numpy(items))
        assert isinstance(by_torch, torch.Tensor)
        np.testing.assert_allclose(by_torch.numpy(), InnerProduct.similarity(queries, items))

    def test_faiss_knows_it_by_the_name_given(self) -> None:
        assert getattr(faiss, InnerProduct.FAISS_METRIC) == faiss.METRIC_INNER_PRODUCT

    def test_imports_neither_numpy_nor_torch(self) -> None:
        code = "import sys, models.retrieval.metric; print({'numpy', 'torch'} & set(sys.modules))"
        asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert asked.stdout.strip() == "set()"
