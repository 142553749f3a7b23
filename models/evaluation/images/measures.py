"""What is measured of generated pictures, all on features of one classifier."""

# N pictures, T training photographs, D features, H height, W width, C channels

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.metrics.frechet import frechet_distance, kernel_distance
from models.metrics.prdc import prdc
from models.networks.images.classifier import PictureClassifier
from models.training.images.classifier import SeenPictures, see
from models.training.images.data import PictureData

PRDC_PICTURES: Final = 5_000
"""Most that precision and coverage are computed on: their time grows with the square."""
KID_PICTURES: Final = 5_000
CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class PictureMeasures:
    """Of one set of pictures against held-out photographs; distances in units of the classifier's features."""

    fid: float
    kid: float
    precision: float
    recall: float
    density: float
    coverage: float
    class_accuracy: float
    """Share that the classifier finds to be of the category that was asked for."""
    spread_within_class: float
    """Mean squared distance to the mean of their class, over that of the photographs: 1 is as varied as they are."""
    nearest_training_median: float
    """Median root mean square difference of pixels (0 to 255) to the nearest training photograph of the category."""
    nearest_training_below_real: float
    """Share that lies nearer to a training photograph than 99 % of held-out photographs do: copies would."""

    def as_dict(self) -> dict[str, Any]:
        """Rounded, for a record."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


class Measuring:
    """Compares sets of pictures with the same held-out photographs."""

    def __init__(self, classifier: PictureClassifier, train: PictureData, test: PictureData) -> None:
        self._classifier = classifier
        self._train = train
        self._test = test
        self._real = see(classifier, test.photos_NHWC)
        self._near = float(np.quantile(self._to_training(test.photos_NHWC), 0.01))

    @property
    def classifier_accuracy(self) -> float:
        """On the held-out photographs."""
        return self._real.accuracy(self._test.category_N)

    def pictures(self, pictures_NHWC: NDArray[np.uint8]) -> PictureMeasures:
        """Pictures that were asked for as `test` is, row by row."""
        return self._measures(pictures_NHWC, see(self._classifier, pictures_NHWC))

    def floor(self, photos_NHWC: NDArray[np.uint8]) -> tuple[float, float]:
        """FID and KID of other real photographs: what no generator can be asked to beat."""
        features_ND = see(self._classifier, photos_NHWC).features_ND
        return self._distances(features_ND)

    def _distances(self, features_ND: NDArray[np.float32]) -> tuple[float, float]:
        real_ND = self._real.features_ND
        return (
            frechet_distance(real_ND, features_ND),
            kernel_distance(real_ND[:KID_PICTURES], features_ND[:KID_PICTURES]),
        )

    def _measures(self, pictures_NHWC: NDArray[np.uint8], seen: SeenPictures) -> PictureMeasures:
        fid, kid = self._distances(seen.features_ND)
        of_features = prdc(self._real.features_ND[:PRDC_PICTURES], seen.features_ND[:PRDC_PICTURES])
        to_training_N = self._to_training(pictures_NHWC)
        category_N = self._test.category_N
        return PictureMeasures(
            fid=fid,
            kid=kid,
            precision=of_features.precision,
            recall=of_features.recall,
            density=of_features.density,
            coverage=of_features.coverage,
            class_accuracy=seen.accuracy(category_N),
            spread_within_class=_spread(seen.features_ND, category_N) / _spread(self._real.features_ND, category_N),
            nearest_training_median=float(np.median(to_training_N)),
            nearest_training_below_real=float((to_training_N < self._near).mean()),
        )

    def _to_training(self, pictures_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Root mean square difference to the nearest training photograph of the category that was asked for, for the
        first two thousand: [N]."""
        pictures_NHWC = pictures_NHWC[:2_000]
        category_N = self._test.category_N[: len(pictures_NHWC)]
        nearest_N = np.full(len(pictures_NHWC), np.nan, np.float32)
        for category in np.unique(category_N):
            training_TP = _flat(self._train.photos_NHWC[self._train.category_N == category])
            rows = np.flatnonzero(category_N == category)
            if len(training_TP):
                nearest_N[rows] = _nearest(_flat(pictures_NHWC[rows]), training_TP)
        return nearest_N[np.isfinite(nearest_N)]


def _nearest(pictures_NP: NDArray[np.float32], training_TP: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths_T = np.square(training_TP).sum(axis=1)
    found = []
    for start in range(0, len(pictures_NP), CHUNK):
        chunk_NP = pictures_NP[start : start + CHUNK]
        nearest_N = (lengths_T - 2 * chunk_NP @ training_TP.T).argmin(axis=1)
        # taken again: the difference of large squares is off by a grey level and more
        found.append(np.square(chunk_NP - training_TP[nearest_N]).mean(axis=1))
    differences_N: NDArray[np.float32] = np.sqrt(np.concatenate(found))
    return differences_N


def _flat(photos_NHWC: NDArray[np.uint8]) -> NDArray[np.float32]:
    return photos_NHWC.reshape(len(photos_NHWC), -1).astype(np.float32)


def _spread(features_ND: NDArray[np.float32], category_N: NDArray[np.int64]) -> float:
    """Mean squared distance of features to their own category's mean."""
    total = 0.0
    for category in np.unique(category_N):
        of_category = features_ND[category_N == category]
        total += float(np.square(of_category - of_category.mean(axis=0)).sum())
    return total / len(features_ND)
