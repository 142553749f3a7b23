"""The picture model that answers, opened when it is first asked for, and its jobs."""

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from app.observability.logs import get_log
from app.runtime.jobs import JobWorker, TellProgress
from app.runtime.live_model import LiveModel
from app.settings import ServiceSettings
from app.store.jobs import PICTURES, Job, JobStore
from models.domain.errors import ModelLacks, SettingsRefused
from models.images import layout
from models.images.manifest import read_images_manifest
from models.images.model import PictureModel
from models.images.request import GeneratedPicture, PictureRequest
from models.images.signing import SigningKey, own_signing_key, read_signing_key

log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class PictureRules:
    """What can be set about pictures."""

    folder: Path | None = None
    """A picture model that goes above the bundle's own."""
    read_key: Callable[[], SigningKey] = lambda: own_signing_key(Path("var/provenance"))
    visible_mark: bool = True

    @classmethod
    def of(cls, settings: ServiceSettings) -> "PictureRules":
        """By the settings. Raises SettingsRefused for a key that cannot be used, BundleError for no picture model."""
        if settings.images is not None:
            read_images_manifest(settings.images)
        if settings.c2pa_certificates is None and settings.c2pa_key is None:
            return cls(settings.images, lambda: own_signing_key(settings.provenance), settings.visible_mark)
        key = signing_key_of(settings)
        return cls(settings.images, lambda: key, settings.visible_mark)


def signing_key_of(settings: ServiceSettings) -> SigningKey:
    """The shop's own key, else the installation's. Raises SettingsRefused where only half of one is named."""
    certificates, key = settings.c2pa_certificates, settings.c2pa_key
    if certificates is None and key is None:
        return own_signing_key(settings.provenance)
    if certificates is None or key is None:
        raise SettingsRefused("FIGMENT_C2PA_CERTIFICATES and FIGMENT_C2PA_KEY belong together: name both or neither")
    return read_signing_key(certificates, key)


@dataclass(frozen=True, slots=True)
class OpenPictures:
    """A model, and the key that its pictures are signed with."""

    model: PictureModel
    key: SigningKey
    visible_mark: bool

    def make(self, request: PictureRequest) -> Iterator[GeneratedPicture]:
        """One at a time."""
        return self.model.pictures(request, self.key, visible_mark=self.visible_mark)


@dataclass(slots=True)
class Pictures:
    """Keeps the newest model open."""

    rules: PictureRules = PictureRules()
    _opening: dict[Path, "asyncio.Task[OpenPictures]"] = field(default_factory=dict)
    _worker: JobWorker | None = None

    async def beside(self, bundle: Path) -> OpenPictures:
        """The model that was named, else the one in this bundle.

        Raises ModelLacks where there is none, and what opening raises.
        """
        folder = self.rules.folder or bundle / layout.IN_BUNDLE
        opening = self._opening.get(folder)
        if opening is None or (opening.done() and opening.exception()):
            self._opening.clear()  # the model of another bundle is let go, whether this one has any or not
            if self.rules.folder is None and not folder.is_dir():
                remedy = "make them with `figment images train` and name the folder in FIGMENT_IMAGES"
                raise ModelLacks("pictures", bundle.name, remedy)
            opening = self._opening[folder] = asyncio.create_task(asyncio.to_thread(self._open, folder))
        # a caller who gives up does not stop it for the others
        return await asyncio.shield(opening)

    def attend(self, jobs: JobStore, live: LiveModel) -> None:
        """From now on jobs for pictures are worked on."""
        self._worker = JobWorker(jobs, {PICTURES: partial(self._work_on, live)})
        self._worker.start()

    def job_written(self) -> None:
        """There is a new one."""
        if self._worker:
            self._worker.wake()

    async def close(self) -> None:
        """A job that is not done goes back, for another process or the next start."""
        if self._worker:
            await self._worker.close()

    def _open(self, folder: Path) -> OpenPictures:
        opened = OpenPictures(PictureModel.open(folder), self.rules.read_key(), self.rules.visible_mark)
        log.info("picture model loaded", images_version=opened.model.model_version, key=repr(opened.key))
        return opened

    async def _work_on(self, live: LiveModel, job: Job, tell: TellProgress) -> Any:
        request = PictureRequest(**job.payload)
        opened = await self.beside(live.loaded.model.folder)
        making, made = opened.make(request), []
        while (picture := await asyncio.to_thread(next, making, None)) is not None:
            made.append(document_of(picture, opened.key))
            tell(len(made) / request.num)
        return {"model_version": opened.model.model_version, "seed": request.seed, "images": made}


def document_of(picture: GeneratedPicture, key: SigningKey) -> Mapping[str, Any]:
    """As answers show it."""
    facts = picture.facts
    return {
        "png_base64": base64.b64encode(picture.png).decode(),
        "category": picture.asked.category,
        "colour": picture.asked.colour,
        "category_probability": picture.category_probability,
        "nearest": [{"item_id": each.item_id, "distance": each.distance} for each in picture.nearest],
        "provenance": {
            "generated": True,
            "program": facts.program,
            "model_version": facts.model_version,
            "seed": facts.seed,
            "number": facts.number,
            "made_at": facts.made_at,
            "visible_mark": facts.visible_mark,
            "self_signed": key.is_self_signed,
        },
    }
