"""Stable Diffusion 1.x and 2.x as a video backbone: every frame is a batch item."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn

from ..attention import AttentionControl, AttentionHook
from ..inflation import TemporalLayers, clip_norms, replaced, temporal
from ..inputs.grid import Grid
from ..sampling import (
    Denoise,
    Level,
    Split,
    Step,
    Wanted,
    ddim,
    epsilon,
    invert,
    sample,
    velocity,
    wanted_epsilon,
    wanted_velocity,
)
from ..typing import Frames, Latents, Text
from ..video import Video
from .fits import refuse_latents, refuse_unfit
from .frugal import feed_frame_by_frame, give_back
from .parts import Parts, finite

PREDICTIONS: dict[str, tuple[Split, Wanted]] = {
    "epsilon": (epsilon, wanted_epsilon),
    "v_prediction": (velocity, wanted_velocity),
}


class PromptWarning(UserWarning):
    """A prompt asks for something that the model never saw."""


class StableDiffusion:
    """Stable Diffusion seen as encode, decode, embed, schedule and predict. See `Backbone` for the verbs.

    Args:
        components: The parts of a pipeline: `vae`, `unet`, `text_encoder`, `tokenizer`, `scheduler`.
        device: Where to compute.
        offload: Whether only the part at work is on the device, the others wait in main memory.
        remark: What to warn of in a prompt, if anything.
    """

    def __init__(
        self,
        components: dict[str, Any],
        *,
        device: torch.device | str = "cpu",
        offload: bool = False,
        remark: Callable[[str], str | None] | None = None,
    ):
        self._remark = remark
        self.vae, self.unet, self.text_encoder = (
            components[name] for name in ("vae", "unet", "text_encoder")
        )
        self.tokenizer = components["tokenizer"]
        self._parts = Parts(self._networks(components), device=device, offload=offload)
        self.device = self._parts.device
        self._read_schedule(components["scheduler"].config)
        self.scale = 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.stride = self.scale * 2 ** (len(self.unet.config.block_out_channels) - 1)
        self.grid = Grid(self.scale, stride=self.stride)
        self.native_area = (self.unet.config.sample_size * self.scale) ** 2
        self.hooks = AttentionControl(self.unet)
        if self.device.type == "cpu":
            feed_frame_by_frame(self.unet)

    def _networks(self, components: dict[str, Any]) -> tuple[nn.Module, ...]:
        """All networks, after making sure that they belong together."""
        refuse_unfit(self.unet.config, self.vae.config, self.text_encoder.config)
        return self.unet, self.text_encoder, self.vae

    def _read_schedule(self, config: Any) -> None:
        kind = config.prediction_type
        if kind not in PREDICTIONS:
            raise ValueError(f"prediction type {kind!r}; supported are {', '.join(PREDICTIONS)}")
        scheduler: Any = DDIMScheduler.from_config(config)
        self._alphas = scheduler.alphas_cumprod.tolist()
        self._final_alpha = float(scheduler.final_alpha_cumprod)
        self._offset = scheduler.config.steps_offset
        self._split, self._wanted = PREDICTIONS[kind]

    @torch.no_grad()
    def encode(self, video: Video) -> Latents:
        """Latents of the frames, one frame at a time: the mean of the encoder's distribution, scaled.

        Raises:
            ValueError: If the video's size isn't a multiple of `stride`.
        """
        if video.height % self.stride or video.width % self.stride:
            nearest = [
                max(self.stride, round(side / self.stride) * self.stride)
                for side in (video.height, video.width)
            ]
            raise ValueError(
                f"the video is {video.width}x{video.height} and this model takes multiples of {self.stride}; "
                f"try video.resize({nearest[0]}, {nearest[1]}), or `rescene.Fit`, which also undoes it"
            )
        vae = self._parts.awake(self.vae)
        # Decoders give channels-last frames, which convolutions of some CPUs round a hundred times coarser.
        frames = ((2 * frame - 1).contiguous() for frame in video.chunks(1))
        latents = [vae.encode(frame.to(self.device, vae.dtype)) for frame in frames]
        means = [x.latents if hasattr(x, "latents") else x.latent_dist.mean for x in latents]
        return torch.cat(means).float() * vae.config.scaling_factor

    def decode(self, latents: Latents, like: Video) -> Video:
        """The latents' frames with the rate and sound of `like`, decoded one by one as they are read."""
        give_back()
        return replace(like, clip=DecodedLatents(self, latents))

    @torch.no_grad()
    def pixels(self, latents: Latents) -> Frames:
        """Decodes some latents at once."""
        vae = self._parts.awake(self.vae)
        decoded = vae.decode((latents / vae.config.scaling_factor).to(self.device, vae.dtype)).sample
        return (decoded.float() / 2 + 0.5).clamp(0, 1).cpu()

    @torch.no_grad()
    def embed(self, prompt: str) -> Text:
        """The text encoder's last hidden states, padded to the tokenizer's length.

        Warns:
            PromptWarning: If the model won't understand it.

        Raises:
            ValueError: If the prompt has more tokens than the text encoder takes.
        """
        length = self.tokenizer.model_max_length
        tokens = self.tokenizer(prompt).input_ids
        if len(tokens) > length:
            lost = self.tokenizer.decode(tokens[length - 1 : -1]).strip()
            raise ValueError(
                f"the prompt has {len(tokens) - 2} tokens and the model reads {length - 2}; cut {lost!r}"
            )
        if self._remark and (text := self._remark(prompt)):
            warnings.warn(text, PromptWarning, stacklevel=3)  # Past torch's no_grad.
        return self._states(prompt).float()

    def _states(self, prompt: str) -> Tensor:
        padded = self.tokenizer(prompt, padding="max_length", return_tensors="pt").input_ids
        return self._parts.awake(self.text_encoder)(padded.to(self.device))[0]

    def schedule(self, num_inference_steps: int) -> list[Step]:
        """DDIM steps through the schedule that the model was trained with."""
        return ddim(self._alphas, num_inference_steps, offset=self._offset, final=self._final_alpha)

    def example(self, clean: Latents, noise: Latents, timestep: int) -> tuple[Step, Latents, Latents]:
        """What a training step shows: its place, the noisy latents, and the prediction that they ask for.

        Args:
            clean: A video's latents.
            noise: Standard normal noise.
            timestep: From 0 (nearly clean) to `train_timesteps` - 1.
        """
        alpha = self._alphas[timestep]
        level = Level(alpha**0.5, (1 - alpha) ** 0.5)
        noisy = level.signal * clean + level.noise * noise
        return Step(0, timestep, level, level), noisy, self._wanted(clean, noise, level)

    @property
    def train_timesteps(self) -> int:
        """How many levels of noise the model was trained with."""
        return len(self._alphas)

    def predict(self, step: Step, *branches: tuple[Latents, Text]) -> tuple[Tensor, ...]:
        """Predictions for several branches, in one pass; gradients flow to what is trained."""
        frames, _, height, width = branches[0][0].shape
        self.hooks.step, self.hooks.frames, self.hooks.size = step.index, frames, (height, width)
        x = torch.cat([latents for latents, _ in branches]).to(self.device, self.unet.dtype)
        refuse_latents(x, self.unet.config["in_channels"])
        text = torch.cat([text.expand(frames, -1, -1) for _, text in branches]).to(x)
        time = torch.tensor(step.timestep, device=self.device)
        prediction = self._parts.awake(self.unet)(x, time, **self._conditions(text)).sample
        return prediction.to(branches[0][0].dtype).chunk(len(branches))

    def _conditions(self, text: Tensor) -> dict[str, Any]:
        """What the network reads beside the latents, of all branches' texts."""
        return {"encoder_hidden_states": text}

    def sample(self, denoise: Denoise, latents: Latents, schedule: list[Step]) -> Iterator[Latents]:
        """From noise to video."""
        return self._finite(sample(denoise, latents, schedule, self._split), schedule)

    def invert(self, denoise: Denoise, latents: Latents, schedule: list[Step]) -> Iterator[Latents]:
        """From video to noise."""
        return self._finite(invert(denoise, latents, schedule, self._split), schedule[::-1])

    def hooked(self, *hooks: AttentionHook) -> AbstractContextManager[None]:
        """A block in which `hooks` hold, inside those of enclosing blocks."""
        return self.hooks.hooked(*hooks)

    def clip_norms(self) -> AbstractContextManager[None]:
        """A block in which residual blocks normalise over the whole clip."""
        return clip_norms(self.unet, self.hooks)

    def temporal(self, layers: TemporalLayers) -> AbstractContextManager[None]:
        """A block in which `layers` are part of the network."""
        return temporal(self.unet, self.hooks, layers)

    def replaced(self, weights: Mapping[str, nn.Parameter]) -> AbstractContextManager[None]:
        """A block in which trained `weights` take the place of the network's own."""
        return replaced(self.unet, self.hooks, weights)

    def fingerprint(self) -> str:
        """SHA-256 over the names and bytes of all weights."""
        return self._parts.fingerprint()

    def _finite(self, trajectory: Iterator[Latents], steps: list[Step]) -> Iterator[Latents]:
        remedy = "try float32, less emphasis on words or a lower guidance scale"
        return finite(trajectory, steps, self.unet.dtype, remedy)


@dataclass(frozen=True)
class DecodedLatents:
    """A clip that decodes latents when its frames are read (`video.Clip`)."""

    model: StableDiffusion
    latents: Latents

    def __len__(self) -> int:
        return len(self.latents)

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return self.latents.shape[-2] * self.model.scale

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return self.latents.shape[-1] * self.model.scale

    def read(self, start: int, stop: int) -> Frames:
        """Decodes the frames from `start` up to `stop`, one at a time: memory is that of one frame."""
        return torch.cat([self.model.pixels(self.latents[index : index + 1]) for index in range(start, stop)])
