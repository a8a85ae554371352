"""Motion and steadiness: how frames follow each other, along the source's flow or from one to the next."""

from dataclasses import replace
from typing import ClassVar

import cv2
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .comparison import Comparison, Transition
from .metric import About, Averages, Score, Unavailable, check_length, scorer_of
from .pixels import check_size, ssim_map

_LONGEST = 128
"""Pixels of the longer side at which mean colours are taken."""


class WarpError:
    """Flow-warped error of the result, E_warp: the flicker that is left when motion is taken out.

    Formula: 1000 × mean over consecutive frames of the mean, over visible pixels x and RGB in [0, 1], of
    (rₜ(x) − rₜ₊₁(x + f(x)))², with f the flow of the *source* from frame t to t+1, looked up bilinearly. A
    pixel is visible if it stays in view and flow leads there and back again (see `flow.both_ways`).
    Range: from 0; lower is steadier. A still or blurred result does well too, and one whose shapes move
    otherwise than the source's does worse than it looks.
    Source: Lai et al., "Learning blind video temporal consistency", ECCV 2018; papers differ in flow, mask
    and scale, so compare only numbers computed in one way.
    """

    about: ClassVar[About] = About(
        name="warp_error", title="Warp error", group="motion and steadiness", better="lower", unit="×10⁻³"
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        self._averages = Averages()
        self._visible = Averages()
        self._flow = comparison.tools.flow.name

    def update(self, move: Transition) -> None:
        if move.before is None:
            return
        visible = move.motion.visible
        self._visible.add(float(visible.float().mean()))
        if visible.any():
            errors = (move.before.result - move.motion.warped(move.now.result)).square().mean(0, keepdim=True)
            for part, region in move.before.regions.items():
                if (seen := visible & region).any():
                    self._averages.add(1000 * float(errors[seen].double().mean()), part)

    def scores(self) -> list[Score]:
        how = f"source's flow by {self._flow}; {100 * self._visible.of():.0f} % visible"
        return self._averages.scores(self.about, how)


class WarpSSIM:
    """Structural similarity of the result's frames with the following ones, warped by the source's flow.

    Formula: mean over consecutive frames of SSIM(rₜ(x), rₜ₊₁(x + f(x))), averaged over visible pixels; flow
    and visibility as in the warp error, SSIM as in `SSIM`.
    Range: −1 to 1; higher is steadier.
    Source: Kara et al., "RAVE", CVPR 2024, whose script was not published: flow and mask are ours.
    """

    about: ClassVar[About] = About(
        name="warp_ssim", title="WarpSSIM", group="motion and steadiness", better="higher"
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        check_size(comparison)
        self._averages = Averages()
        self._flow = comparison.tools.flow.name

    def update(self, move: Transition) -> None:
        if move.before is None:
            return
        seen = move.motion.visible
        if seen.any():
            warped = move.motion.warped(move.now.result).permute(1, 2, 0).contiguous().numpy()
            self._averages.add(float(ssim_map(move.before.result_pixels, warped)[seen[0]].mean()))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, f"source's flow by {self._flow}")


class Flicker:
    """Mean absolute second difference over time.

    Formula: mean over t, pixels and RGB of |rₜ₋₁ − 2 rₜ + rₜ₊₁|, in levels of 0 to 255. Even change costs
    nothing.
    Range: 0 to 510; lower is steadier. Motion raises it too: read it against the source's, which is given
    beside it.
    Source: a second difference in time, as in total variation of second order; no paper's number.
    """

    about: ClassVar[About] = About(
        name="flicker", title="Flicker", group="motion and steadiness", better="lower", unit="of 255"
    )

    def __init__(self, comparison: Comparison) -> None:
        if len(comparison.result) < 3:
            raise Unavailable(f"it needs three frames, and there are {len(comparison.result)}")
        self._averages = Averages()
        self._change: Float[Tensor, "2 3 H W"] | None = None

    def update(self, move: Transition) -> None:
        if move.before is None:
            return
        pairs = (move.now.result, move.before.result), (move.now.source, move.before.source)
        change = torch.stack([now - before for now, before in pairs])
        if self._change is not None:
            result, source = 255 * (change - self._change).abs().mean((1, 2, 3))
            self._averages.add(float(result))
            self._averages.add(float(source), "source")
        self._change = change

    def scores(self) -> list[Score]:
        result, source = self._averages.scores(self.about, "mean absolute second difference")
        return [result, replace(source, about=replace(self.about, better="neither"))]


class ColourDrift:
    """Change over time of the difference between the mean colours of result and source.

    Formula: ‖slope‖ × (F − 1), the slope of the least-squares line through dₜ = mean Lab(rₜ) − mean Lab(sₜ)
    over the frames t: how far colours have drifted from the first frame to the last. A change of colour that
    stays the same, as edits want it, costs nothing, nor do changes of light in the source. Frames are
    reduced to 128 pixels.
    Range: from 0, in ΔE*ab (CIE 1976; about 2 can be seen); lower is steadier.
    Source: ours, for the drift that long edits made in pieces suffer from.
    """

    about: ClassVar[About] = About(
        name="colour_drift", title="Colour drift", group="motion and steadiness", better="lower", unit="ΔE"
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        self._count = 0
        self._times, self._squares = 0.0, 0.0
        self._colours, self._products = np.zeros(3), np.zeros(3)

    def update(self, move: Transition) -> None:
        difference = _mean_lab(move.now.result_pixels) - _mean_lab(move.now.source_pixels)
        self._count += 1
        self._times += move.number
        self._squares += move.number**2
        self._colours += difference
        self._products += move.number * difference

    def scores(self) -> list[Score]:
        above = self._count * self._products - self._times * self._colours
        slope = above / (self._count * self._squares - self._times**2)
        value = float(np.linalg.norm(slope)) * (self._count - 1)
        return [
            Score(
                about=self.about,
                value=value,
                how="line through mean CIE Lab, against the source",
            )
        ]


class TemporalConsistency:
    """CLIP temporal consistency, "Tem-Con".

    Formula: mean over consecutive frames of cos(frame t, frame t+1), frames cropped as for the frame
    accuracy.
    Range: −1 to 1, in practice above 0.9; higher is steadier. A still picture has 1.
    Source: Qi et al., "FateZero", ICCV 2023, as their script computes it; other papers average over all
    pairs, see `FrameConsistency`.
    """

    about: ClassVar[About] = About(
        name="temporal_consistency",
        title="Temporal consistency",
        group="motion and steadiness",
        better="higher",
        asks_scorer=True,
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        self._scorer = scorer_of(comparison).name
        self._averages = Averages()

    def update(self, move: Transition) -> None:
        if move.before is not None:
            self._averages.add(float(move.before.features("bottom") @ move.now.features("bottom")))

    def scores(self) -> list[Score]:
        return self._averages.scores(self.about, f"{self._scorer}, consecutive frames")


class FrameConsistency:
    """CLIP frame consistency over all pairs of frames, "CLIP-F" or "Frame Con".

    Formula: mean over all pairs i ≠ j of cos(frame i, frame j) = (‖Σ f‖² − F) / (F (F − 1)), features f of
    length 1.
    Range: −1 to 1, in practice above 0.85; higher is steadier.
    Source: Wu et al., "CVPR 2023 text guided video editing competition" (TGVE), 2023. At most as high as the
    temporal consistency in general, since far frames differ more.
    """

    about: ClassVar[About] = About(
        name="frame_consistency",
        title="Frame consistency",
        group="motion and steadiness",
        better="higher",
        asks_scorer=True,
    )

    def __init__(self, comparison: Comparison) -> None:
        check_length(comparison)
        self._scorer = scorer_of(comparison).name
        self._sum, self._count = torch.zeros(1, dtype=torch.float64), 0

    def update(self, move: Transition) -> None:
        self._sum = self._sum + move.now.features("centre").double()
        self._count += 1

    def scores(self) -> list[Score]:
        value = (float(self._sum.square().sum()) - self._count) / (self._count * (self._count - 1))
        return [Score(about=self.about, value=value, how=f"{self._scorer}, all pairs of frames")]


def _mean_lab(pixels: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "3"]:
    height, width = pixels.shape[:2]
    scale = min(1.0, _LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    lab = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2Lab)
    return np.asarray(lab, dtype=np.float64).mean((0, 1))
