"""Is the inversion good enough? An edit can't keep what a reconstruction loses."""

from dataclasses import dataclass, field, replace

import torch

from ..methods.notes import Notes
from ..video import Video
from ..video.clip import in_memory
from ..video.watch import watching
from .progress import Reporter

POOR = 20.0
"""Below this PSNR, in dB, the error is a tenth of the full range and more: shapes are lost, and no edit can
keep them. Stable Diffusion's autoencoder alone reaches 25 to 35 dB."""
LARGEST = 100.0


@dataclass
class Check(Notes):
    """Notes that report how well the source was reconstructed, before the edit begins."""

    source: Video = field(kw_only=True)
    reporter: Reporter = field(kw_only=True)

    def reconstructed(self, video: Video) -> None:
        with watching(video, self.reporter.progress, "Checking") as watched:
            self.reconstruction = replace(video, clip=in_memory(watched.clip))
        value = psnr(self.source, self.reconstruction)
        self.reporter.say(f"reconstruction: PSNR {value:.1f} dB", psnr=round(value, 2))
        if value < POOR:
            self.reporter.say(
                f"warning: the reconstruction is poor (below {POOR:.0f} dB), so the edit loses the source "
                "too: describe the source more closely, take more --num-inference-steps, work at the "
                "model's own size, or choose a model that knows such pictures",
                warning="poor reconstruction",
            )


def psnr(one: Video, other: Video) -> float:
    """Peak signal-to-noise ratio between two videos of one size and length, in dB."""
    errors = [(a - b).square().mean((1, 2, 3)) for a, b in zip(one.chunks(4), other.chunks(4), strict=True)]
    error = float(torch.cat(errors).mean())
    return LARGEST if error <= 0 else min(LARGEST, float(-10 * torch.log10(torch.tensor(error))))
