"""NormalFloat: values at the quantiles of a normal distribution."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

from precision_lib.errors import UserError
from precision_lib.formats.storage import Shape, bits_with_scales

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class NormalFloat:
    """Values that a normal distribution uses about equally often; NF4 at 4 bits.

    The end points -1 and 1 and zero are values; between them lie quantiles at evenly
    spaced probabilities, one more above zero than below (QLoRA, Dettmers et al. 2023,
    https://arxiv.org/abs/2305.14314, section 3 and appendix E). A number halfway
    between two values takes the lower one, as in bitsandbytes.

    Raises UserError if `bits` is not 2 to 8.

    >>> [round(v, 3) for v in NormalFloat(3).values]
    [-1.0, -0.535, -0.247, 0.0, 0.183, 0.382, 0.623, 1.0]
    """

    bits: int = 4
    # In rising order; kept, because every rounding needs them.
    values: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.bits, bool) or self.bits not in range(2, 9):
            raise UserError(f"a NormalFloat has 2 to 8 bits, not {self.bits!r}.")
        object.__setattr__(self, "values", self._quantiles())

    def _quantiles(self) -> tuple[float, ...]:
        double = 2 ** (self.bits + 1)
        most = 1 - (1 / double + 1 / (double - 2)) / 2
        half = 2 ** (self.bits - 1)
        quantile = NormalDist().inv_cdf

        def side(count: int) -> list[float]:
            return [
                quantile(most + (0.5 - most) * i / count) / quantile(most)
                for i in range(count)
            ]

        return (*(-v for v in side(half - 1)), 0.0, *reversed(side(half)))

    @property
    def name(self) -> str:
        """The text that `parse_format` turns back into this format."""
        return f"nf{self.bits}"

    @property
    def largest(self) -> float:
        """The largest value."""
        return 1.0

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return -1.0, 1.0

    @property
    def levels(self) -> int:
        """How many values there are."""
        return 2**self.bits

    @property
    def clips(self) -> bool:
        """Whether absmax scaling can leave a value of the block outside the grid."""
        return False

    def nearest(self, x: Tensor) -> Tensor:
        """Round to the nearest value; the last gap repeats once beyond each end."""
        import torch

        inner = self.values
        first, last = inner[0] - inner[1], inner[-1] - inner[-2]
        values = x.new_tensor([inner[0] + first, *inner, inner[-1] + last])
        middles = (values[1:] + values[:-1]) / 2
        rounded = values[torch.bucketize(x.contiguous(), middles)]
        return torch.where(torch.isnan(x), x, rounded)

    def bits_per_parameter(self, block: Shape, shape: Shape) -> float:
        """Stored bits a number, its share of 16-bit scales included.

        >>> NormalFloat(4).bits_per_parameter((1, 64), (8, 256))
        4.25
        """
        return bits_with_scales(self.bits, block, shape)
