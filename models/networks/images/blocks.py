"""Residual blocks without normalisation, and what a picture is asked to show as numbers."""

# B pictures, C channels, H height, W width, S style, Z noise, E condition, F text feature

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2


def activate(x: Tensor) -> Tensor:
    """Leaky rectifier, the same everywhere."""
    return functional.leaky_relu(x, SLOPE)


def convolution(num_in: int, num_out: int, *, zero: bool = False, size: int = 3) -> nn.Conv2d:
    """3×3 with the picture's size kept; `zero`: a block that ends in it begins as the identity (Fixup, 1901.09321)."""
    made = nn.Conv2d(num_in, num_out, size, padding=size // 2)
    if zero:
        nn.init.zeros_(made.weight)
    else:
        nn.init.kaiming_normal_(made.weight, a=SLOPE)
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made


class Residual(nn.Module):
    """x + f(x) at one resolution; a style, where there is one, scales and shifts what is inside."""

    def __init__(self, channels: int, style_size: int | None = None) -> None:
        super().__init__()
        self.first = convolution(channels, channels)
        self.last = convolution(channels, channels, zero=True)
        self.style = None if style_size is None else nn.Linear(style_size, 2 * channels)
        if self.style is not None:
            nn.init.zeros_(self.style.weight)
            nn.init.zeros_(self.style.bias)

    def forward(self, x_BCHW: Tensor, style_BS: Tensor | None = None) -> Tensor:
        """The same shape."""
        inner_BCHW = self.first(activate(x_BCHW))
        if self.style is not None:
            assert style_BS is not None
            scale_BC, shift_BC = self.style(style_BS).chunk(2, dim=1)
            inner_BCHW = inner_BCHW * (1 + scale_BC[:, :, None, None]) + shift_BC[:, :, None, None]
        changed_BCHW: Tensor = self.last(activate(inner_BCHW))
        return x_BCHW + changed_BCHW


class Condition(nn.Module):
    """Category, colour and text feature to one vector; what is not asked for (row 0, a zero feature) adds nothing."""

    def __init__(self, *, num_categories: int, num_colours: int, feature_size: int, size: int) -> None:
        super().__init__()
        self.category = nn.Embedding(num_categories + 1, size, padding_idx=0)
        self.colour = nn.Embedding(num_colours + 1, size, padding_idx=0)
        self.feature = nn.Linear(feature_size, size, bias=False) if feature_size else None

    def forward(self, category_B: Tensor, colour_B: Tensor, feature_BF: Tensor) -> Tensor:
        """[B, E]."""
        asked_BE: Tensor = self.category(category_B) + self.colour(colour_B)
        return asked_BE if self.feature is None else asked_BE + self.feature(feature_BF)


def halved(x_BCHW: Tensor) -> Tensor:
    """Half the height and width, by averaging."""
    return functional.avg_pool2d(x_BCHW, 2)


def doubled(x_BCHW: Tensor) -> Tensor:
    """Twice the height and width, by repeating."""
    return functional.interpolate(x_BCHW, scale_factor=2.0, mode="nearest")


def in_float32(layer: nn.Linear, x: Tensor) -> Tensor:
    """A last layer whose result is compared closely: bfloat16 would keep eight bits of it."""
    with torch.autocast("cpu", enabled=False):
        result: Tensor = layer(x.float())
    return result
