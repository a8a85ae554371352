"""Measures the trained parts on held-out scenes: figures as JSON, and a picture to look at."""

import json
import traceback
from collections.abc import Mapping
from pathlib import Path

import evaluate
import parts
import torch
from accuracies import accuracies
from autoencoder import measured
from clips import pixels
from clock import Log
from diffusers import AutoencoderKLWan, WanTransformer3DModel
from store import statistics
from tokenizer import entries
from torch import Tensor
from transformers import UMT5EncoderModel

from rescene.world import Scene

SHOWN = 4, 8
"""Pairs of clips and their reconstructions, and samples, in the picture."""
MIDDLE, LAST = parts.FRAMES // 2, parts.FRAMES - 1


class Reports:
    """Adds to `figures.json` and redraws `sheet.png`."""

    def __init__(
        self, vae: AutoencoderKLWan, frames: Tensor, bits: Tensor, scenes: list[Scene], out: Path, log: Log
    ) -> None:
        self.vae, self.frames, self.bits, self.scenes, self.out, self.log = (
            vae,
            frames,
            bits,
            scenes,
            out,
            log,
        )
        self.figures: dict[str, object] = {}
        self.rows: list[tuple[str, Tensor]] = []

    def autoencoder(self) -> None:
        """How well held-out clips come back, and what is read in them before and after."""
        self.figures["autoencoder"], results = measured(self.vae, self.frames, self.bits)
        truth = pixels(self.frames) / 2 + 0.5
        for name, clips in (("truth", truth), ("reconstructed", results)):
            self.figures[name] = accuracies(self.scenes, evaluate.read(clips, MIDDLE))
        for k in range(min(SHOWN[0], len(self.scenes))):
            self.rows += [(self.scenes[k].caption, truth[k].cpu()), ("reconstructed", results[k].cpu())]
        self._write()

    def samples(
        self,
        average: Mapping[str, Tensor],
        size: tuple[int, int],
        label: str,
        count: int,
        *,
        propagated: bool,
    ) -> None:
        """Clips by captions, and by captions and first frames; a failure here doesn't end the training."""
        try:
            self._samples(averaged(average, size, self.vae.device), label, count, propagated)
        except Exception:
            self.log(failure=traceback.format_exc())

    def _samples(
        self,
        networks: tuple[WanTransformer3DModel, UMT5EncoderModel],
        label: str,
        count: int,
        propagated: bool,
    ) -> None:
        scenes = [Scene.random(seed) for seed in range(count)]
        frames = evaluate.seen(self.vae, evaluate.in_batches(networks, scenes)).half()
        self.figures[label] = accuracies(scenes, evaluate.read(frames, MIDDLE))
        shown = [(scenes[k].caption, frames[k].cpu()) for k in range(min(SHOWN[1], count))]
        self._write(shown)
        if not propagated:
            return
        mean, std = statistics(self.vae)
        stills = self.vae.encode(pixels(self.frames[:, :1])).latent_dist.mode()
        z = evaluate.sampled(*networks, self.scenes, first=(stills - mean) / std)
        frames = evaluate.seen(self.vae, z).half()
        for name, moment in (("first", 0), ("last", LAST)):
            self.figures[f"{name} frame of propagated"] = accuracies(
                self.scenes, evaluate.read(frames, moment)
            )
        shown += [(f"{self.scenes[k].caption}, first frame given", frames[k].cpu()) for k in range(4)]
        self._write(shown)

    def _write(self, shown: list[tuple[str, Tensor]] | None = None) -> None:
        self.log(figures=self.figures)
        (self.out / "figures.json").write_text(json.dumps(self.figures, indent=2) + "\n")
        evaluate.sheet([*self.rows, *(shown or [])], self.out / "sheet.png")


@torch.no_grad()
def averaged(
    average: Mapping[str, Tensor], size: tuple[int, int], device: torch.device
) -> tuple[WanTransformer3DModel, UMT5EncoderModel]:
    """New networks, of so many layers and heads, with the average's weights."""
    networks = parts.transformer(*size).to(device), parts.text_encoder(entries()).to(device)
    for prefix, network in zip(("transformer", "text"), networks, strict=True):
        for name, value in network.named_parameters():
            value.copy_(average[f"{prefix}.{name}"])
    return networks[0].eval(), networks[1].eval()
