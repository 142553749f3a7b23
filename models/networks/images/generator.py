"""The picture generator: what to show, and noise, to a picture."""

# B pictures, C channels, H height, W width, S style, Z noise, F text feature, K categories

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.networks.images.blocks import Condition, Residual, activate, convolution, doubled

START = 4
"""Height and width of what the noise is first spread over."""


class PictureGenerator(nn.Module):
    """One residual block a resolution, each styled by condition and noise; the last layer adds to the mean picture.

    Its output is linear: a squashed one ran away within 400 steps on Fashion-MNIST.
    """

    def __init__(
        self,
        *,
        num_categories: int,
        num_colours: int,
        feature_size: int,
        noise_size: int,
        condition_size: int,
        style_size: int,
        channels: Sequence[int],
        picture_channels: int,
    ) -> None:
        """`channels`: of 4×4, 8×8 and so on up to the picture's size."""
        super().__init__()
        self.noise_size = noise_size
        self.condition = Condition(
            num_categories=num_categories, num_colours=num_colours, feature_size=feature_size, size=condition_size
        )
        asked_size = noise_size + condition_size
        self.style = nn.Sequential(
            nn.Linear(asked_size, style_size), nn.LeakyReLU(0.2), nn.Linear(style_size, style_size), nn.LeakyReLU(0.2)
        )
        self.start = nn.Linear(asked_size, channels[0] * START * START)
        self.blocks = nn.ModuleList(Residual(width, style_size) for width in channels)
        self.widths = nn.ModuleList(convolution(before, after, size=1) for before, after in pairwise(channels))
        self.paint = convolution(channels[-1], picture_channels, zero=True)
        size = START * 2 ** (len(channels) - 1)
        self.mean_KCHW: Tensor
        self.register_buffer("mean_KCHW", torch.zeros(num_categories + 1, picture_channels, size, size))

    def forward(self, category: Tensor, colour: Tensor, feature: Tensor, noise: Tensor) -> Tensor:
        """Pictures [B, C, H, W], −1 black to 1 white, not clipped.

        Category 0 is any, colour 0 is any, a zero feature [B, F] says nothing, noise [B, Z] is standard normal.
        """
        asked = torch.cat([noise, self.condition(category, colour, feature)], dim=1)
        style_BS = self.style(asked)
        x_BCHW = self.start(asked).unflatten(1, (-1, START, START))
        for number, block in enumerate(self.blocks):
            if number:
                x_BCHW = self.widths[number - 1](doubled(x_BCHW))
            x_BCHW = block(x_BCHW, style_BS)
        painted_BCHW: Tensor = self.paint(activate(x_BCHW))
        return painted_BCHW + self.mean_KCHW[category]
