"""The one list of metrics: command line, pages and documentation follow it. It needs no network."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .metric import Metric

USUAL_CLIP = "openai/clip-vit-base-patch32"
"""The model of FateZero's script, and of most papers."""


class Registry(Mapping[str, Any]):
    """Metrics by name. The names cost nothing; a metric is imported when it is asked for."""

    def __init__(self, classes: Mapping[str, str]) -> None:
        """Takes the place of each class, as in "pixels.PSNR"."""
        self._classes = classes

    def __getitem__(self, name: str) -> Any:
        module, kind = self._classes[name].split(".")
        return getattr(import_module(f".{module}", __package__), kind)

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


METRICS: "Mapping[str, type[Metric]]" = Registry(
    {
        "psnr": "pixels.PSNR",
        "ssim": "pixels.SSIM",
        "lpips": "pixels.LPIPS",
        "warp_error": "motion.WarpError",
        "warp_ssim": "motion.WarpSSIM",
        "flicker": "motion.Flicker",
        "colour_drift": "motion.ColourDrift",
        "temporal_consistency": "motion.TemporalConsistency",
        "frame_consistency": "motion.FrameConsistency",
        "frame_accuracy": "text.FrameAccuracy",
        "clip_text": "text.CLIPText",
        "clip_score": "text.CLIPScore",
        "clip_directional": "text.CLIPDirectional",
        "q_edit": "text.QEdit",
        "same_format": "format.SameFormat",
    }
)
"""Metrics by name, in the order in which tables show them."""
