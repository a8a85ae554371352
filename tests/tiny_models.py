"""Tiny random models of every family, by what they stand for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.tiny import tiny_depth, tiny_pix2pix, tiny_sd, tiny_sdxl
from tests.tiny_video import tiny_svd

TINY: dict[str, Callable[[Path], Path]] = {
    "sd1": tiny_sd,
    "sd2": partial(tiny_sd, prediction_type="v_prediction"),
    "xl": tiny_sdxl,
    "instruct": tiny_pix2pix,
    "depth": tiny_depth,
    "svd": tiny_svd,
}
