"""What a recorded case of I2VEdit consists of: its clips, its tensors, its model."""

import copy
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from rescene.backbones import StableVideo
from rescene.methods import I2VEdit
from rescene.methods.i2vedit.edit import I2VEditWork
from rescene.sampling import Denoise, Schedule
from tests.reference.result import Result
from tests.tiny_video import loaded_svd

SHARED = r"^clip0\.|\.inversion\.|\.train\.|\.lora_|\.noise_image$|\.time_ids$"
"""What doesn't depend on the order of the context: what goes into clips, but for where the last ended."""
FROM_LATENTS, FROM_PIXELS = 1e-5, 2e-4
"""The manifest's tolerances, relative to the largest value: frames lay channels-last when they were encoded,
which processors round differently."""
MASKS_MAY_FLIP = 5e-3
"""Where positions lie so close to their threshold that rounding decides which attention they keep."""


@dataclass(frozen=True)
class Recorded:
    """One case of the manifest."""

    root: Path
    models: Path
    name: str
    manifest: Mapping[str, Any]

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The case's settings: those of all cases with its own put in."""
        settings = copy.deepcopy(self.manifest["base_config"])
        for path, value in self.manifest["cases"][self.name]["config_overrides"].items():
            *groups, last = path.split(".")
            place = settings
            for group in groups:
                place = place[group]
            place[last] = value
        return settings

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """The recorded outputs; what the two orders of the context share is recorded once."""
        own = load_file(self.root / f"{self.name}.safetensors")
        if self.is_legacy:
            return own
        legacy = load_file(self.root / f"{self.name.removesuffix('_fixedctx')}.safetensors")
        shared = {name: tensor for name, tensor in legacy.items() if re.search(SHARED, name)}
        return {**shared, **own}

    @property
    def is_legacy(self) -> bool:
        """Whether the original ran with the order of the context that its diffusers had."""
        return not self.name.endswith("_fixedctx")

    @cached_property
    def model(self) -> StableVideo:
        """The tiny model."""
        return loaded_svd(self.models / "tiny-svd")

    @cached_property
    def frames(self) -> Tensor:
        """The source's frames, in [0, 1], resized as the original does."""
        return self.frames_at(self.size)

    def frames_at(self, size: tuple[int, int]) -> Tensor:
        """The source's frames, in [0, 1], at another size: the training has its own."""
        pixels = next(iter(load_file(self.root / "source_frames.safetensors").values()))
        frames = pixels.permute(0, 3, 1, 2).float() / 127.5 - 1
        return (resized(frames, size, self.settings["data_params"]["pad_to_fit"]) + 1) / 2

    def has(self, name: str) -> bool:
        """Whether a tensor is recorded, or one in a group whose name ends in a dot."""
        return name in self.tensors or (
            name.endswith(".") and any(key.startswith(name) for key in self.tensors)
        )

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of pixels at work."""
        height, width = self.settings["data_params"]["output_res"]
        return height, width

    def picture(self, edit: int) -> Image.Image:
        """An edited first frame."""
        name = Path(self.settings["data_params"]["keyframe_paths"][edit]).name
        return Image.open(self.root / (name if name.startswith("edit") else f"edit_{name}")).convert("RGB")

    def method(self, edit: int) -> I2VEditWork:
        """The edit with its recorded settings."""
        own = self.settings["attention_matching_params"]["params"][f"edit{edit}"]
        matching = self.settings["use_attention_matching"]
        every, deep = own["temporal_step_thr"] if matching else (0.0, 0.0)
        first, last = own["mask_thr"] if matching else (0.0, 0.0)
        settings = I2VEdit(
            num_inference_steps=self.settings["num_steps"],
            guidance_scale=self.settings["attention_matching_params"]["max_guidance_scale"],
            motion_window=every,
            deep_motion_window=deep,
            mask_threshold=(first, last),
            skip_interval=self.settings["use_consistency_attention_control"],
            inversion=self.settings["use_inversed_latents"],
        )
        return I2VEditWork(settings, self.model)

    def compare(self, subject: str, ours: Tensor, theirs: Tensor, tolerance: float) -> Result:
        """Compares relative to the largest recorded value."""
        largest = theirs.double().abs().max().clamp_min(1e-12)
        return Result.of(
            f"{self.name}/{subject}", ours.double() / largest, theirs.double() / largest, tolerance
        )

    def compare_bytes(self, subject: str, ours: Tensor, theirs: Tensor) -> Result:
        """Compares frames of 8 bits: by one level at most, as rounding decides."""
        return Result.of(f"{self.name}/{subject}", ours.double(), theirs.double(), 1.0, 0.02)

    @contextmanager
    def as_published(self) -> Generator[None]:
        """A block in which steps round as the original's, and contexts lie in the order that was recorded."""
        with ExitStack() as undo:
            for module in ("source", "edited"):
                undo.enter_context(mock.patch(f"rescene.methods.i2vedit.{module}.sample", euler))
            if self.is_legacy:
                undo.enter_context(legacy_context(self.model))
            yield


def euler(denoise: Denoise, x: Tensor, schedule: Schedule) -> Iterator[Tensor]:
    """The original's steps, on latents of unit signal: differences lose digits where there is little noise.

    That is 1e-5 of the largest latent in an inversion, which starts there.
    """
    x = x / schedule[0].start.signal
    for step in schedule:
        # Single precision, as all of the original's.
        sigma, following = (torch.tensor(level.noise / level.signal) for level in (step.start, step.end))
        size = (sigma**2 + 1) ** 0.5
        prediction = denoise(x / size, step)
        clean = prediction * (-sigma / size) + x / (sigma**2 + 1)
        x = x + (x - clean) / sigma * (following - sigma)
        yield x / (following**2 + 1) ** 0.5


@contextmanager
def channels_last(model: StableVideo) -> Generator[None]:
    """A block in which frames lie in memory as in the original when they are encoded."""
    encode = model.vae.encode
    last = torch.channels_last
    with mock.patch.object(model.vae, "encode", lambda x: encode(x.contiguous(memory_format=last))):
        yield


@contextmanager
def legacy_context(model: StableVideo) -> Generator[None]:
    """Old diffusers laid the context out by positions, then branches, while all else is by branches.

    So position j of the two branches of an edit reads the picture of branch j mod 2. The source is alone in
    its pass in the original, and unaffected.
    """

    def shuffled(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        context, branches = kwargs["encoder_hidden_states"], model.control.now.branches
        if branches > 1:
            rows = context.unflatten(0, (branches, -1))
            source, edit = rows[:-2].flatten(0, 1), rows[-2:, 0]
            order = torch.arange(2 * rows.shape[1]) % 2
            kwargs["encoder_hidden_states"] = torch.cat([source, edit[order]])
        return args, kwargs

    places = [
        name for name, _ in model.unet.named_modules() if name.endswith("temporal_transformer_blocks.0.attn2")
    ]
    handles = [
        model.unet.get_submodule(name).register_forward_pre_hook(shuffled, with_kwargs=True)
        for name in places
    ]
    try:
        # Then rows of a branch differ, and each must be kept.
        with mock.patch("rescene.attention.temporal.one_for_each", lambda constant, rows: constant.clone()):
            yield
    finally:
        for handle in handles:
            handle.remove()


def padded_size(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int]:
    """How many rows and columns the original pads on each side, for the shape of `target`."""
    (height, width), (rows, columns) = size, target
    if height / width > rows / columns:
        return 0, (int(height / rows * columns) - width) // 2
    return (int(width / columns * rows) - height) // 2, 0


def resized(frames: Tensor, size: tuple[int, int], pad: bool) -> Tensor:
    """Frames in [-1, 1] at another size, padded with black before if asked for."""
    if pad:
        top, left = padded_size((frames.shape[-2], frames.shape[-1]), size)
        frames = F.pad(frames, (left, left, top, top), value=-1)
    small = F.interpolate((frames + 1) / 2, size, mode="bilinear", antialias=True, align_corners=False)
    return small * 2 - 1


def picture_to_work(picture: Image.Image, size: tuple[int, int], pad: bool) -> Image.Image:
    """A picture of 8 bits at the size of work."""
    if pad:
        top, left = padded_size((picture.height, picture.width), size)
        canvas = Image.new("RGB", (picture.width + 2 * left, picture.height + 2 * top))
        canvas.paste(picture, (left, top))
        picture = canvas
    return picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)


def picture_back(picture: Image.Image, size: tuple[int, int], pad: bool) -> Image.Image:
    """A result of 8 bits at the size that it had before `picture_to_work`."""
    (height, width), (rows, columns) = size, (picture.height, picture.width)
    if not pad:
        return picture.resize((width, height), Image.Resampling.BILINEAR)
    if height / width > rows / columns:
        wide = int(height / rows * columns)
        left = (wide - width) // 2
        large = picture.resize((wide, height), Image.Resampling.BILINEAR)
        return large.crop((left, 0, left + width, height))
    high = int(width / columns * rows)
    top = (high - height) // 2
    return picture.resize((width, high), Image.Resampling.BILINEAR).crop((0, top, width, top + height))


def pixels(picture: Image.Image) -> Tensor:
    """A picture as a tensor in [0, 1]."""
    data = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return data.reshape(1, picture.height, picture.width, 3).permute(0, 3, 1, 2).float() / 255
