"""Stable Diffusion 1.x and 2.x as a video backbone: every frame is an item of the batch.

InstructPix2Pix and depth models are of the same family: their networks read more beside the latents.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from ..attention import Pass
from ..fields import Kind
from ..sampling import (
    Level,
    Schedule,
    Split,
    Step,
    Wanted,
    ddim,
    epsilon,
    velocity,
    wanted_epsilon,
    wanted_velocity,
)
from ..typing import Frames, Latents
from ..video import Video
from .backbone import Branch
from .checkpoints import Family
from .decoded import DecodedLatents
from .fits import refuse_conditions, refuse_shift, refuse_size, refuse_unfit
from .frugal import feed_frame_by_frame, give_back
from .picture import Picture
from .text import ClipText, Text, TextEncoder
from .unet_model import UNetModel

PREDICTIONS: dict[str, tuple[Split, Wanted]] = {
    "epsilon": (epsilon, wanted_epsilon),
    "v_prediction": (velocity, wanted_velocity),
}


class StableDiffusion(UNetModel):
    """Stable Diffusion 1.x or 2.x. See `Backbone` for the verbs, and `Trainable`.

    Args:
        components: The parts of a pipeline: `vae`, `unet`, `text_encoder`, `tokenizer`, `scheduler`.
        device: Where to compute.
        offload: Whether only the part at work is on the device, the others wait in main memory.
        remark: What to warn of in a prompt, if anything.
    """

    title = "Stable Diffusion"

    def __init__(
        self,
        components: dict[str, Any],
        *,
        device: torch.device | str = "cpu",
        offload: bool = False,
        remark: Callable[[str], str | None] | None = None,
    ):
        networks = self._networks(components)
        super().__init__(networks, context="words", device=device, offload=offload)
        self.text: TextEncoder = self._encoder(components, remark)
        self.conditions = _conditions(self.unet.config["in_channels"], self.latent_channels)
        self._read_schedule(components["scheduler"].config)
        if self.device.type == "cpu":
            feed_frame_by_frame(self.unet)

    def _networks(self, components: dict[str, Any]) -> Sequence[Any]:
        """All networks, after making sure that they belong together."""
        unet, text, vae = (components[name] for name in ("unet", "text_encoder", "vae"))
        refuse_unfit(unet.config, vae.config, text.config)
        return unet, text, vae

    def _encoder(self, components: dict[str, Any], remark: Callable[[str], str | None] | None) -> ClipText:
        return ClipText(self._parts, components["tokenizer"], components["text_encoder"], remark=remark)

    def _read_schedule(self, config: Any) -> None:
        kind = config.prediction_type
        if kind not in PREDICTIONS:
            raise ValueError(f"prediction type {kind!r}; supported are {', '.join(PREDICTIONS)}")
        scheduler: Any = DDIMScheduler.from_config(config)
        self._alphas = scheduler.alphas_cumprod.tolist()
        self._final_alpha = float(scheduler.final_alpha_cumprod)
        self._offset = scheduler.config.steps_offset
        self._split, self._wanted = PREDICTIONS[kind]
        self.train_timesteps = len(self._alphas)

    @torch.no_grad()
    def encode(self, video: Video, *, noise: Latents | None = None) -> Latents:
        """Latents of the frames, one frame at a time.

        Raises:
            ValueError: If the video's size doesn't fit, or this autoencoder has nothing to draw from.
        """
        refuse_size(video.height, video.width, self.grid)
        vae = self._parts.awake(self.vae)
        latents: list[Tensor] = []
        for index, frame in enumerate(video.chunks(1)):
            # Decoders of video give channels-last frames, which convolutions of some CPUs round far coarser.
            found = vae.encode((2 * frame - 1).contiguous().to(self.device, vae.dtype))
            latents.append(_drawn(found, None if noise is None else noise[index : index + 1]))
        return torch.cat(latents).float() * vae.config.scaling_factor

    def decode(self, z: Latents, like: Video) -> Video:
        """The latents' frames with the rate and sound of `like`, decoded one by one as they are read."""
        give_back()
        return replace(like, clip=DecodedLatents(z, self.pixels, self.grid.space))

    @torch.no_grad()
    def pixels(self, latents: Latents) -> Frames:
        """Decodes some latents at once."""
        vae = self._parts.awake(self.vae)
        decoded = vae.decode((latents / vae.config.scaling_factor).to(self.device, vae.dtype)).sample
        return (decoded.float() / 2 + 0.5).clamp(0, 1).cpu()

    def picture(
        self,
        frame: Frames,
        *,
        fps: float,
        frames: int | None = None,
        last: Frames | None = None,
        noisy: Frames | None = None,
        latents: Latents | None = None,
    ) -> Picture:
        """Refuses: no picture leads this model."""
        raise ValueError(
            f"{self.title} is led by a prompt, not by a picture; use an image-to-video model such as svd"
        )

    def schedule(self, steps: int, *, invert: bool = False, shift: float | None = None) -> Schedule:
        """DDIM steps through the schedule that the model was trained with."""
        refuse_shift(self.title, shift)
        found = ddim(self._alphas, steps, offset=self._offset, final=self._final_alpha)
        schedule = Schedule(tuple(found), self._split)
        return schedule.inverted() if invert else schedule

    def example(self, clean: Latents, noise: Latents, timestep: int) -> tuple[Step, Latents, Latents]:
        """See `Trainable`."""
        alpha = self._alphas[timestep]
        level = Level(alpha**0.5, (1 - alpha) ** 0.5)
        noisy = level.signal * clean + level.noise * noise
        return Step(0, timestep, level, level), noisy, self._wanted(clean, noise, level)

    def predict(self, *branches: Branch) -> tuple[Latents, ...]:
        """Predictions for several branches, in one pass; gradients flow to what is trained."""
        refuse_conditions(self.title, self.conditions, branches)
        times, _, *size = branches[0].z.shape
        now = Pass(branches[-1].step.index, len(branches), times, (size[0], size[1]))
        self.control.now = now
        x = torch.cat([self._shown(branch) for branch in branches]).to(self.device, self.unet.dtype)
        texts = [text for branch in branches if (text := branch.condition.text)]
        time = self._times(branch.step.timestep for branch in branches).repeat_interleave(times)
        prediction = self._parts.awake(self.unet)(x, time, **self._read(texts, now, x)).sample
        return prediction.to(branches[0].z.dtype).chunk(len(branches))

    def _shown(self, branch: Branch) -> Tensor:
        """What the network reads of a branch, frame by frame: latents, and what stands beside them."""
        beside = branch.condition.beside
        if beside is None:
            return branch.z
        if "beside" in self.conditions:
            beside = beside / self.vae.config.scaling_factor
        return torch.cat([branch.z, beside.to(branch.z).expand(len(branch.z), -1, -1, -1)], dim=1)

    def _read(self, texts: list[Text], now: Pass, x: Tensor) -> dict[str, Any]:
        """What the network reads beside the latents, of all branches' texts."""
        states = torch.cat([text.states.expand(now.times, -1, -1) for text in texts])
        return {"encoder_hidden_states": states.to(x)}


def _conditions(reads: int, channels: int) -> frozenset[Kind]:
    """What a network is given whose autoencoder makes `channels` and that reads so many."""
    more: dict[int, tuple[Kind, ...]] = {0: (), 1: ("depth",), channels: ("beside",)}
    return frozenset[Kind](("text", *more[reads - channels]))


def _drawn(found: Any, noise: Latents | None) -> Tensor:
    """The mean of what an autoencoder found, or a draw."""
    if noise is None:
        return found.latents if hasattr(found, "latents") else found.latent_dist.mean
    if hasattr(found, "latents"):
        raise ValueError("this model's autoencoder has no distribution to draw latents from; give no noise")
    return found.latent_dist.mean + found.latent_dist.std * noise.to(found.latent_dist.std)


def _pipeline(components: dict[str, Any]) -> Any:
    """What merges LoRAs. Pipelines pull in much that nothing else needs."""
    from diffusers import StableDiffusionPipeline

    absent: dict[str, Any] = dict.fromkeys(("safety_checker", "feature_extractor"))
    return StableDiffusionPipeline(**components, **absent, requires_safety_checker=False)


FAMILY = Family(
    title=StableDiffusion.title,
    pipelines=tuple(
        f"StableDiffusion{kind}Pipeline"
        for kind in ("", "Img2Img", "Inpaint", "InstructPix2Pix", "Depth2Img", "ControlNet")
    ),
    parts={
        "vae": ("AutoencoderKL", "AutoencoderTiny"),
        "unet": ("UNet2DConditionModel",),
        "text_encoder": ("CLIPTextModel",),
        "tokenizer": ("CLIPTokenizer", "CLIPTokenizerFast"),
        "scheduler": (),
    },
    scheduler="DDIMScheduler",
    make=StableDiffusion,
    pipeline=_pipeline,
)
