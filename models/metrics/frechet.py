"""How far two sets of features lie apart: Fréchet distance and kernel distance.

FID: Heusel et al., arXiv:1706.08500, eq. 6. KID: Bińkowski et al., arXiv:1801.01401, section 4: the unbiased squared
maximum mean discrepancy under the kernel (x·y/D + 1)³.
"""

# R real, F fake (generated), D features

import numpy as np
from numpy.typing import NDArray


def frechet_distance(real_RD: NDArray[np.float32], fake_FD: NDArray[np.float32]) -> float:
    """|μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½); 0 for the same set."""
    real, fake = real_RD.astype(np.float64), fake_FD.astype(np.float64)
    apart_D = real.mean(axis=0) - fake.mean(axis=0)
    real_DD, fake_DD = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    # (Σ₁Σ₂)^½ has the trace of (Σ₁^½ Σ₂ Σ₁^½)^½, which is symmetric and so needs no complex arithmetic
    root_DD = _root(real_DD)
    eigenvalues_D = np.linalg.eigvalsh(root_DD @ fake_DD @ root_DD)
    shared = np.sqrt(np.maximum(eigenvalues_D, 0.0)).sum()
    return float(apart_D @ apart_D + np.trace(real_DD) + np.trace(fake_DD) - 2.0 * shared)


def kernel_distance(real_RD: NDArray[np.float32], fake_FD: NDArray[np.float32]) -> float:
    """Unbiased, so about 0, and as often below, for two halves of one set."""
    width = real_RD.shape[1]

    def kernel(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
        similarity: NDArray[np.float64] = (left @ right.T / width + 1.0) ** 3
        return similarity

    real, fake = real_RD.astype(np.float64), fake_FD.astype(np.float64)
    real_RR, fake_FF = kernel(real, real), kernel(fake, fake)
    of_real = (real_RR.sum() - np.trace(real_RR)) / (len(real) * (len(real) - 1))
    of_fake = (fake_FF.sum() - np.trace(fake_FF)) / (len(fake) * (len(fake) - 1))
    return float(of_real + of_fake - 2.0 * kernel(real, fake).mean())


def _root(matrix_DD: NDArray[np.float64]) -> NDArray[np.float64]:
    eigenvalues_D, vectors_DD = np.linalg.eigh(matrix_DD)
    root_DD: NDArray[np.float64] = (vectors_DD * np.sqrt(np.maximum(eigenvalues_D, 0.0))) @ vectors_DD.T
    return root_DD
