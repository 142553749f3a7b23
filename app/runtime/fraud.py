"""Who checks sessions and listings for fraud: made for the first request that a state of the catalogue is asked."""

from threading import Lock
from typing import cast

from app.runtime.live_model import ServedModel
from models.fraud.detector import Detector
from models.fraud.listing_verdicts import ListingChecker
from models.fraud.open import listing_judgement, open_detector, refuse_without_detector
from models.fraud.sessions import SessionChecker
from models.recommend.recommender import Recommender


class FraudCheckers:
    """The newest state's; work that was begun on another one makes its own again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._detector: tuple[str, Detector] | None = None
        self._sessions: tuple[str, SessionChecker] | None = None
        self._listings: tuple[str, ListingChecker] | None = None

    def refuse_without_detector(self, model: ServedModel) -> None:
        """Raises ModelLacks, before anything else is looked at."""
        refuse_without_detector(model.manifest)

    def sessions(self, model: ServedModel) -> SessionChecker:
        """Raises ModelLacks where the model has no detector, BundleCorrupt."""
        with self._lock:
            if self._sessions is None or self._sessions[0] != model.index_version:
                detector = self._detector_of(model)
                self._sessions = (model.index_version, SessionChecker(cast(Recommender, model), detector))
            return self._sessions[1]

    def listings(self, model: ServedModel) -> ListingChecker:
        """As above, and where its detector knows no listings."""
        with self._lock:
            if self._listings is None or self._listings[0] != model.index_version:
                judgement = listing_judgement(self._detector_of(model), model.manifest)
                self._listings = (model.index_version, ListingChecker(cast(Recommender, model), judgement))
            return self._listings[1]

    def _detector_of(self, model: ServedModel) -> Detector:
        self.refuse_without_detector(model)
        if self._detector is None or self._detector[0] != model.model_version:
            self._detector = (model.model_version, open_detector(cast(Recommender, model).folder, model.manifest))
        return self._detector[1]
