"""What "near" means, in one object for training and retrieval."""

# B queries, N items, D features

from typing import Any, Final, Protocol, TypeVar


class Matrix(Protocol):
    """What NumPy arrays and torch tensors share."""

    @property
    def mT(self) -> Any:
        """Rows for columns, of each matrix of a stack."""

    def __matmul__(self, other: Any, /) -> Any: ...


MatrixT = TypeVar("MatrixT", bound=Matrix)


class InnerProduct:
    """The larger, the nearer; vectors count as they are, lengths included."""

    FAISS_METRIC: Final = "METRIC_INNER_PRODUCT"
    """Name of the same metric in faiss."""

    @staticmethod
    def similarity(queries_BD: MatrixT, items_ND: MatrixT) -> MatrixT:
        """Similarities [B, N], of the library that the arguments are of; of stacks, those of each of their matrices."""
        similarities_BN: MatrixT = queries_BD @ items_ND.mT
        return similarities_BN
