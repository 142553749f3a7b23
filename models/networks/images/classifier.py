"""Which category and colour a picture shows; its features are what nearness and the measures are computed on."""

# B pictures, C channels, H height, W width, D features, K categories, O colours

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

from models.networks.images.blocks import Residual, activate, convolution, halved

FEATURE_SIZE = 128


class PictureClassifier(nn.Module):
    """A small residual tower; pictures of any size are seen at one."""

    def __init__(
        self, *, num_categories: int, num_colours: int, channels: Sequence[int], picture_channels: int, size: int
    ) -> None:
        """`channels`: of the full size, half of it and so on; `size` is the height and width that it looks at."""
        super().__init__()
        self.size = size
        self.look = convolution(picture_channels, channels[0])
        self.blocks = nn.ModuleList(Residual(width) for width in channels)
        self.widths = nn.ModuleList(convolution(before, after, size=1) for before, after in pairwise(channels))
        self.features = nn.Linear(channels[-1] * 16, FEATURE_SIZE)
        self.dropout = nn.Dropout(0.3)
        self.category = nn.Linear(FEATURE_SIZE, num_categories)
        self.colour = nn.Linear(FEATURE_SIZE, num_colours) if num_colours else None

    def embed(self, picture_BCHW: Tensor) -> Tensor:
        """Features [B, D], before the classes."""
        x_BCHW = self.look(picture_BCHW)
        for number, block in enumerate(self.blocks):
            if number:
                x_BCHW = self.widths[number - 1](halved(x_BCHW))
            x_BCHW = block(x_BCHW)
        pooled_BCHW = functional.adaptive_avg_pool2d(activate(x_BCHW), 4)
        return activate(self.features(pooled_BCHW.flatten(1)))

    def classes(self, features_BD: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits of categories [B, K] and colours [B, O], if there are colours."""
        kept_BD = self.dropout(features_BD)
        return self.category(kept_BD), None if self.colour is None else self.colour(kept_BD)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Features [B, D] and category logits [B, K]: what is exported."""
        features_BD = self.embed(picture)
        return features_BD, self.classes(features_BD)[0]
