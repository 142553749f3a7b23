"""The picture critic: is this a real photograph of what was asked for?"""

# B pictures, C channels, H height, W width, E condition

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from models.networks.images.blocks import Condition, Residual, activate, convolution, halved, in_float32


class PictureCritic(nn.Module):
    """Projection discriminator (Miyato & Koyama, arXiv:1802.05637) on a residual tower without normalisation."""

    def __init__(
        self,
        *,
        num_categories: int,
        num_colours: int,
        feature_size: int,
        condition_size: int,
        channels: Sequence[int],
        picture_channels: int,
    ) -> None:
        """`channels`: of 4×4, 8×8 and so on up to the picture's size, as the generator's."""
        super().__init__()
        downwards = list(reversed(channels))
        self.condition = Condition(
            num_categories=num_categories, num_colours=num_colours, feature_size=feature_size, size=condition_size
        )
        self.look = convolution(picture_channels, downwards[0])
        self.blocks = nn.ModuleList(Residual(width) for width in downwards)
        self.widths = nn.ModuleList(convolution(before, after, size=1) for before, after in pairwise(downwards))
        self.hidden = nn.Linear(downwards[-1] * 4 * 4, condition_size)
        self.realism = nn.Linear(condition_size, 1)

    def forward(self, asked_BE: Tensor, picture_BCHW: Tensor) -> Tensor:
        """Logits [B]; `asked_BE` is what `self.condition` made of the request."""
        x_BCHW = self.look(picture_BCHW)
        for number, block in enumerate(self.blocks):
            if number:
                x_BCHW = self.widths[number - 1](halved(x_BCHW))
            x_BCHW = block(x_BCHW)
        hidden_BE = activate(in_float32(self.hidden, activate(x_BCHW).flatten(1)))
        realism_B = in_float32(self.realism, hidden_BE).squeeze(1)
        fit_B: Tensor = (hidden_BE * asked_BE.float()).sum(dim=1) * hidden_BE.shape[1] ** -0.5
        return realism_B + fit_B
