from .hadamard import rotate
from .quantizer import (
    Scale,
    StraightThrough,
    fake_quantize,
    quantize,
    scaled_blocks,
    signal_to_noise,
)
from .scales import absmax_scale, split
from .sharing import BlockSize, block_size

__all__ = [
    "BlockSize",
    "Scale",
    "StraightThrough",
    "absmax_scale",
    "block_size",
    "fake_quantize",
    "quantize",
    "rotate",
    "scaled_blocks",
    "signal_to_noise",
    "split",
]
