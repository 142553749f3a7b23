"""Who checks sessions and listings for fraud: made for the first request that a state of the catalogue is asked."""

from typing import cast

from app.runtime.live_model import Loaded, ServedModel
from models.fraud.detector import Detector
from models.fraud.listing_verdicts import ListingChecker
from models.fraud.open import listing_judgement, open_detector, refuse_without_detector
from models.fraud.sessions import SessionChecker
from models.recommend.recommender import Recommender


class FraudCheckers:
    """Keeps the detector of the model that was asked last; checkers belong to a state of it, and go with that."""

    def __init__(self) -> None:
        self._detector: tuple[str, Detector] | None = None

    def refuse_without_detector(self, model: ServedModel) -> None:
        """Raises ModelLacks, before anything else is looked at."""
        refuse_without_detector(model.manifest)

    def sessions(self, loaded: Loaded) -> SessionChecker:
        """Raises ModelLacks where the model has no detector, BundleCorrupt."""

        def made(model: ServedModel) -> SessionChecker:
            return SessionChecker(cast(Recommender, model), self._detector_of(model))

        return loaded.made_once("session checker", made)

    def listings(self, loaded: Loaded) -> ListingChecker:
        """As above, and where its detector knows no listings."""

        def made(model: ServedModel) -> ListingChecker:
            judgement = listing_judgement(self._detector_of(model), model.manifest)
            return ListingChecker(cast(Recommender, model), judgement)

        return loaded.made_once("listing checker", made)

    def _detector_of(self, model: ServedModel) -> Detector:
        self.refuse_without_detector(model)
        if self._detector is None or self._detector[0] != model.model_version:
            self._detector = (model.model_version, open_detector(cast(Recommender, model).folder, model.manifest))
        return self._detector[1]
