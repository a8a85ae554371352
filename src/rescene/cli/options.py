"""The options that commands share, in groups."""

from dataclasses import dataclass
from pathlib import Path
from re import fullmatch
from typing import Annotated

from tyro.conf import UseAppendAction

from ..fields import Within
from ..inputs.marks import Box, Marks, Point, Polygon
from ..runs import DType, FileRef, MaskRef, ModelRef


@dataclass(frozen=True, kw_only=True)
class Computing:
    """How to compute."""

    device: str | None = None
    """Where to compute: cpu, cuda or mps; the fastest that there is if not given."""
    dtype: DType | None = None
    """Precision of the network: float16 on cuda and float32 elsewhere if not given."""
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    offload: bool = False
    """Keep only the part at work on the device: slower, for small accelerators."""


@dataclass(frozen=True, kw_only=True)
class ModelOptions(Computing):
    """The model."""

    model: str = "mini"
    """An alias (see `rescene models`), a hub id, a folder in diffusers' layout, or a .safetensors file."""
    lora: UseAppendAction[tuple[str, ...]] = ()
    """A LoRA and its weight, as in style.safetensors:0.8; may be given several times."""

    @property
    def ref(self) -> ModelRef:
        """The model as recipes name it.

        Raises:
            ValueError: If a LoRA's weight is no number.
            FileNotFoundError: If a LoRA's file isn't there.
        """
        return ModelRef(
            name=self.model,
            revision=self.revision,
            dtype=self.dtype,
            device=self.device,
            loras=dict(map(_lora, self.lora)),
            offload=self.offload,
        )


@dataclass(frozen=True, kw_only=True)
class VideoModelOptions(Computing):
    """The model."""

    model: str = "svd"
    """Stable Video Diffusion: svd (14 frames at once), svd-xt (25), a hub id, or a diffusers folder."""

    @property
    def ref(self) -> ModelRef:
        """The model as recipes name it."""
        return ModelRef(
            name=self.model,
            revision=self.revision,
            dtype=self.dtype,
            device=self.device,
            offload=self.offload,
        )


AUTO = Path("auto")
"""In the place of a mask's file: what the edited frames changed."""


@dataclass(frozen=True, kw_only=True)
class MaskOptions:
    """Where the picture may change; outside, the result is the source itself, at its own resolution.

    It is so to the bit in .mkv and PNGs; .mp4, .mov, .webm and .gif encode the whole picture again.
    """

    mask: UseAppendAction[tuple[Path, ...]] = ()
    """A video, a folder of pictures, or one picture for all frames: white, or opaque, where something may
    change; or `auto` (propagate): what the edited frames changed. Several are joined."""
    mask_minus: UseAppendAction[tuple[Path, ...]] = ()
    """The same, of what mustn't change; alone, everything else may."""
    mask_box: UseAppendAction[tuple[str, ...]] = ()
    """A box around an object on one frame, X,Y,WIDTH,HEIGHT@FRAME in pixels (frame 0 if not given). It
    holds an object, which is found and followed. Several may be given, here and below."""
    mask_polygon: UseAppendAction[tuple[str, ...]] = ()
    """An outline on one frame, X,Y,X,Y,X,Y...@FRAME, likewise followed."""
    mask_point: UseAppendAction[tuple[str, ...]] = ()
    """A pixel of the object, X,Y@FRAME."""
    mask_not_point: UseAppendAction[tuple[str, ...]] = ()
    """A pixel beside the object, X,Y@FRAME."""
    mask_tracker: str | None = None
    """What follows marked objects: opencv, or a hub id or folder of SAM 2; by default SAM 2
    (facebook/sam2.1-hiera-tiny) where its weights are in the local cache, else OpenCV."""
    mask_invert: bool = False
    """Swap inside and outside: keep what the mask shows, and change the rest."""
    mask_grow: Annotated[int, Within(-500, 500)] = 0
    """Pixels by which the mask grows, or shrinks if negative."""
    mask_feather: Annotated[int, Within(0, 500)] = 0
    """Width in pixels of the mask's soft edge, all of it inside; grow the mask as much for one outside."""

    @property
    def ref(self) -> MaskRef | None:
        """The mask as recipes name it; None if there is none.

        Raises:
            ValueError: If a mark isn't written as it should be, or something is to be done to no mask.
        """
        marks = self.marks
        if not (self.mask or self.mask_minus or marks.all):
            if self != MaskOptions():
                raise ValueError("--mask-invert, --mask-grow and --mask-feather change a mask; give one")
            return None
        return MaskRef(
            files=tuple(FileRef(path=str(path)) for path in self.mask if path != AUTO),
            difference=AUTO in self.mask,
            minus=tuple(FileRef(path=str(path)) for path in self.mask_minus),
            marks=marks,
            tracker=self.mask_tracker,
            invert=self.mask_invert,
            grow=self.mask_grow,
            feather=self.mask_feather,
        )

    @property
    def marks(self) -> Marks:
        """The marks on single frames.

        Raises:
            ValueError: If one isn't written as it should be.
        """
        boxes = [_mark(text, "--mask-box", "40,30,120,80@0", 4) for text in self.mask_box]
        outlines = [_mark(text, "--mask-polygon", "10,10,60,15,30,70@0", None) for text in self.mask_polygon]
        inside = [_mark(text, "--mask-point", "40,30@0", 2) for text in self.mask_point]
        outside = [_mark(text, "--mask-not-point", "40,30@0", 2) for text in self.mask_not_point]
        return Marks(
            boxes=tuple(
                Box(x=x, y=y, width=width, height=height, at=at) for (x, y, width, height), at in boxes
            ),
            polygons=tuple(
                Polygon(corners=tuple(zip(numbers[::2], numbers[1::2], strict=True)), at=at)
                for numbers, at in outlines
            ),
            points=tuple(
                Point(x=x, y=y, inside=belongs, at=at)
                for belongs, points in ((True, inside), (False, outside))
                for (x, y), at in points
            ),
        )


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """How a training runs, whatever is trained."""

    size: str | None = None
    """Size to work at: WIDTHxHEIGHT, or `source` for the video's own; by default the model's."""
    resume: bool = False
    """Go on from the last checkpoint: all other options but --steps must be the same."""
    overwrite: bool = False
    """Replace results and checkpoints that exist."""
    json_progress: bool = False
    """Report progress as one JSON object a line on stderr."""


def _mark(text: str, option: str, example: str, count: int | None) -> tuple[list[int], int]:
    """The whole numbers of a mark, and its frame; an even number of them if `count` is None."""
    found = fullmatch(r"(-?\d{1,6}(?:,-?\d{1,6})*)(?:@(\d{1,9}))?", text.replace(" ", ""))
    numbers = [int(number) for number in found[1].split(",")] if found else []
    if not found or (len(numbers) != count if count else len(numbers) % 2):
        raise ValueError(f"{option} {text!r}: write whole numbers and the frame, as in {option} {example}")
    return numbers, int(found[2] or 0)


def _lora(text: str) -> tuple[str, float]:
    path, colon, weight = text.rpartition(":")
    path, weight = (path, weight) if colon else (text, "1")
    try:
        strength = float(weight)
    except ValueError as error:
        raise ValueError(f"--lora {text!r}: the weight {weight!r} is no number; write PATH:0.8") from error
    if path.endswith(".safetensors") and not Path(path).expanduser().is_file():
        raise FileNotFoundError(f"{path}: no such file; check the path after --lora")
    return path, strength
