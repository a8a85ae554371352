"""Compares pictures of the world with its captions, as CLIP does; two small networks trained on renders."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from rescene.world.classifier import convolutions
from rescene.world.vocabulary import WORDS, unknown_words

WEIGHTS = Path(__file__).with_suffix(".safetensors")
WIDTH = 128
NUMBERS = {word: number for number, word in enumerate(sorted(WORDS))}


class DualEncoder(nn.Module):
    """Pictures and captions as directions in one space (Radford et al., ICML 2021).

    Pictures go through the classifier's convolutions. Captions are bags of words: in this world their order
    says nothing that the words don't.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = convolutions()
        self.image_head = nn.Sequential(nn.Linear(320, 256), nn.GELU(), nn.Linear(256, WIDTH))
        self.words = nn.EmbeddingBag(len(NUMBERS), 128, mode="sum")
        self.text_head = nn.Sequential(
            *(nn.LayerNorm(128), nn.Linear(128, 256), nn.GELU()),
            *(nn.Linear(256, 256), nn.GELU(), nn.Linear(256, WIDTH)),
        )
        self.log_scale = nn.Parameter(torch.tensor(3.0))

    def image(self, frames: Float[Tensor, "F 3 H W"]) -> Float[Tensor, "F D"]:
        """Features of length 1 of frames with values in [0, 1]."""
        small = functional.interpolate(frames, size=(64, 64), mode="area")
        features = self.body(small * 2 - 1).flatten(2)
        pooled = torch.cat([features.mean(-1), features.amax(-1)], dim=-1)
        return functional.normalize(self.image_head(pooled).float(), dim=-1)

    def text(self, words: Int[Tensor, " words"], starts: Int[Tensor, " P"]) -> Float[Tensor, "P D"]:
        """Features of length 1 of prompts: their words' numbers in a row, and where each prompt starts."""
        return functional.normalize(self.text_head(self.words(words, starts)).float(), dim=-1)


def numbers(prompts: list[str]) -> tuple[Int[Tensor, " words"], Int[Tensor, " P"]]:
    """Words as the network's numbers, and where each prompt starts; words it never saw are passed over."""
    split = [re.findall(r"\w+", prompt.lower()) for prompt in prompts]
    known = [[NUMBERS[word] for word in words if word in NUMBERS] for words in split]
    ends = torch.tensor([0, *map(len, known)]).cumsum(0)
    return torch.tensor([number for words in known for number in words], dtype=torch.long), ends[:-1]


@dataclass(frozen=True)
class WorldScorer:
    """`mini`'s own scorer: what CLIP is to photographs, for pictures of the rendered world only."""

    name: str = "mini's scorer (rendered world only)"

    @torch.no_grad()
    def image(self, frame: Float[Tensor, "3 H W"], crop: Literal["centre", "bottom"]) -> Float[Tensor, " D"]:
        """A picture's feature, of length 1; of one that isn't square, a square part is seen."""
        height, width = frame.shape[1:]
        side = min(height, width)
        top = height - side if crop == "bottom" else (height - side) // 2
        left = (width - side) // 2
        return _network().image(frame[None, :, top : top + side, left : left + side].clamp(0, 1))[0]

    @torch.no_grad()
    def text(self, prompt: str) -> Float[Tensor, " D"]:
        """A text's feature, of length 1.

        Raises:
            ValueError: if it has words that the world doesn't know, or none at all.
        """
        if unknown := unknown_words(prompt):
            raise ValueError(
                f"{self.name} never saw the words {', '.join(unknown)}; name a CLIP model for other prompts"
            )
        if not re.search(r"\w", prompt):
            raise ValueError(f"the prompt {prompt!r} has no words")
        return _network().text(*numbers([prompt]))[0]


@cache
def _network() -> DualEncoder:
    if not WEIGHTS.exists():
        raise FileNotFoundError(f"{WEIGHTS} is missing; reinstall rescene")
    network = DualEncoder()
    network.load_state_dict({name: value.float() for name, value in load_file(WEIGHTS).items()})
    return network.eval().requires_grad_(False)
