"""The commands of the guide to pictures, typed as they stand there, but for how long is trained."""

import json
import sys
from pathlib import Path

import pytest

from app.api.images import DEFAULT_NUM
from app.api.jobs import MAX_UNFINISHED
from models.images.provenance import read_provenance
from models.images.request import MAX_JOB_PICTURES, MAX_PICTURES
from models.images.vocabulary import MIN_PHOTOS
from models.pipeline.images.prepare import MIN_MEASURED
from models.pipeline.images.prepare import MIN_PHOTOS as MIN_PHOTOS_IN_ALL
from models.training.images.config import PictureConfig
from tests.docs.documents import REPOSITORY, shell_blocks
from tests.docs.shell import Shell, end
from tests.picture_shop import picture_shop

TRAIN, MAKE, ASK, CONCEPT, VERIFY = shell_blocks(REPOSITORY / "docs/guide/images.md")
MOMENTS = " --size 32 --steps 12"
"""What the guide leaves at its default takes a quarter of an hour and more."""


class TestLimits:
    guide = " ".join((REPOSITORY / "docs/guide/images.md").read_text().split())

    def test_are_those_of_the_code(self) -> None:
        assert (
            f"| `n` | {DEFAULT_NUM}; 1 as `image/png` | 1 | {MAX_PICTURES} at once, {MAX_JOB_PICTURES} as a job |"
            in self.guide
        )
        assert f"fewer than {MIN_PHOTOS} photographs are learned as part of their parent" in self.guide
        assert f"at least {MIN_PHOTOS_IN_ALL} photographs are needed in all" in self.guide
        assert f"of what is trained on at least {MIN_MEASURED} are needed" in self.guide
        assert f"at most {MAX_UNFINISHED} such jobs wait or run" in self.guide
        assert f"how long ({PictureConfig(size=64).steps:,} by default)" in self.guide


@pytest.mark.long
def test_train_make_ask_and_verify(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    picture_shop(tmp_path / "my-photos")
    shell = Shell(
        tmp_path, HOME=str(tmp_path), FIGMENT_BUNDLE=str(tiny_bundle), FIGMENT_IMAGES="var/images/my-photos-1"
    )
    shell.run(TRAIN.rstrip() + MOMENTS)
    told = shell.run(MAKE).splitlines()
    assert [line.partition(":")[0] for line in told[:4]] == [
        f"var/pictures/my-photos-1-0-{number}.png" for number in range(4)
    ]
    assert "Blue Home > Plates" in told[0]
    assert "Green Home > Plates" in told[4]
    assert "Red Home > Plates" in told[5]
    concept = {"concept_id": "c1", "category": "Home > Shelves > Corner shelves", "words": ["fine", "blue", "shelves"]}
    (tmp_path / "var/concepts.json").write_text(json.dumps({"concepts": [concept]}))
    assert "Blue Home > Shelves" in shell.run(CONCEPT)
    assert "unchanged since" in shell.run(VERIFY)
    serving = shell.start(".venv/bin/figment serve")
    try:
        shell.wait_until_ready(serving, seconds=120)
        assert '"category":"Home > Plates"' in shell.run(ASK)
        assert read_provenance((tmp_path / "var/plate.png").read_bytes()).is_generated
    finally:
        end(serving)
