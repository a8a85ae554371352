"""The one list of metrics: command line, pages and documentation follow it."""

from .clip_directional import CLIPDirectional
from .clip_score import CLIPScore
from .clip_text import CLIPText
from .colour_drift import ColourDrift
from .flicker import Flicker
from .frame_accuracy import FrameAccuracy
from .frame_consistency import FrameConsistency
from .lpips import LPIPS
from .metric import Metric
from .psnr import PSNR
from .q_edit import QEdit
from .same_format import SameFormat
from .ssim import SSIM
from .temporal_consistency import TemporalConsistency
from .warp_error import WarpError
from .warp_ssim import WarpSSIM

_KINDS: tuple[type[Metric], ...] = (
    PSNR,
    SSIM,
    LPIPS,
    WarpError,
    WarpSSIM,
    Flicker,
    ColourDrift,
    TemporalConsistency,
    FrameConsistency,
    FrameAccuracy,
    CLIPText,
    CLIPScore,
    CLIPDirectional,
    QEdit,
    SameFormat,
)

METRICS: dict[str, type[Metric]] = {kind.about.name: kind for kind in _KINDS}
"""Metrics by name, in the order in which tables show them."""
