"""Post-training quantization: weights of a trained model onto a grid."""

from precision_lib.ptq.rtn import round_to_nearest

__all__ = ["round_to_nearest"]
