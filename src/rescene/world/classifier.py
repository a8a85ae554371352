"""Reads what a picture shows: object, colour, background and style; a small network trained on renders."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from rescene.typing import Frames
from rescene.world.backgrounds import BACKGROUNDS
from rescene.world.colours import COLOURS
from rescene.world.sprites import OBJECTS
from rescene.world.styles import STYLES

WEIGHTS = Path(__file__).with_suffix(".safetensors")
VOCABULARY: dict[str, tuple[str | None, ...]] = {
    "object": OBJECTS,
    "colour": COLOURS,
    "background": BACKGROUNDS,
    "style": (None, *STYLES),
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one picture shows."""

    object: str
    colour: str
    """The nearest of the ten colours, also where the object has its natural ones."""
    background: str
    style: str | None


class Classifier(nn.Module):
    """Convolutions on the picture reduced to 64 pixels; one linear reading for each kind of word."""

    def __init__(self) -> None:
        super().__init__()
        self.body = convolutions()
        self.heads = nn.ModuleDict({kind: nn.Linear(320, len(words)) for kind, words in VOCABULARY.items()})

    @classmethod
    def load(cls) -> "Classifier":
        """The trained network, ready to read."""
        if not WEIGHTS.exists():
            raise FileNotFoundError(f"{WEIGHTS} is missing; reinstall rescene")
        model = cls()
        model.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
        return model.eval().requires_grad_(False)

    def forward(self, frames: Float[Tensor, "F 3 H W"]) -> dict[str, Float[Tensor, "F _"]]:
        """Logits for each kind of word, for frames with values in [0, 1]."""
        small = functional.interpolate(frames, size=(64, 64), mode="area")
        features = self.body(small * 2 - 1).flatten(2)
        pooled = torch.cat([features.mean(-1), features.amax(-1)], dim=-1)
        return {kind: head(pooled) for kind, head in self.heads.items()}

    @torch.no_grad()
    def read(self, frames: Frames) -> list[Reading]:
        """The most likely words for each frame."""
        best = {kind: logits.argmax(-1).tolist() for kind, logits in self(frames).items()}
        words = {kind: [VOCABULARY[kind][k] for k in best[kind]] for kind in VOCABULARY}
        return [
            Reading(object=o or "", colour=c or "", background=b or "", style=s)
            for o, c, b, s in zip(*words.values(), strict=True)
        ]


def convolutions() -> nn.Sequential:
    """What sees the pictures, 64 pixels square: 160 channels of 8 by 8."""
    plan = ((3, 32, 2), (32, 64, 1), (64, 96, 2), (96, 128, 1), (128, 160, 2))
    return nn.Sequential(*(_layer(*sizes) for sizes in plan))


def _layer(inward: int, outward: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inward, outward, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(outward),
        nn.ReLU(inplace=True),
    )
