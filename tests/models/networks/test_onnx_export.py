from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch
from torch import Tensor, nn

from models.networks.onnx_export import export_onnx


class Scaled(nn.Module):
    """A layer with dropout, so that the two modes differ."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 2)
        self.dropout = nn.Dropout(0.5)

    def forward(self, rows: Tensor, scale: Tensor) -> Tensor:
        scaled: Tensor = self.dropout(self.layer(rows)) * scale
        return scaled


def export(network: nn.Module, destination: Path) -> Path:
    export_onnx(
        network,
        destination,
        inputs={"rows": torch.randn(3, 4), "scale": torch.ones(1)},
        outputs=["scaled"],
        dynamic={"rows": {0: "batch"}},
    )
    return destination


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(Scaled(), tmp_path_factory.mktemp("export") / "scaled.onnx")


class TestExportOnnx:
    @pytest.mark.parametrize("batch", [1, 2, 57])
    def test_onnx_is_torch(self, exported: Path, batch: int) -> None:
        network, rows, scale = Scaled().eval(), torch.randn(batch, 4), torch.tensor([2.5])
        session = ort.InferenceSession(exported, providers=["CPUExecutionProvider"])
        (served,) = session.run(["scaled"], {"rows": rows.numpy(), "scale": scale.numpy()})
        np.testing.assert_allclose(served, network(rows, scale).detach().numpy(), atol=1e-6)

    def test_weights_are_in_the_one_file(self, exported: Path) -> None:
        assert [path.name for path in exported.parent.iterdir()] == ["scaled.onnx"]

    def test_equal_weights_make_equal_files_that_name_no_path(self, exported: Path, tmp_path: Path) -> None:
        again = export(Scaled(), tmp_path / "scaled.onnx").read_bytes()
        assert again == exported.read_bytes()
        assert str(Path(__file__).parents[3]).encode() not in again
        assert Path(torch.__file__).parent.as_posix().encode() not in again

    def test_overwrites(self, exported: Path, tmp_path: Path) -> None:
        destination = tmp_path / "scaled.onnx"
        destination.write_text("old")
        assert export(Scaled(), destination).read_bytes() == exported.read_bytes()
