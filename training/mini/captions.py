"""Words of a scene as token ids, phrased in several ways so that the model reads more than one template."""

import random

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from rescene.world import Motion, Scene

Words = dict[str, str | None]
STILL = Motion(start=(0.5, 0.5), end=(0.5, 0.5), scale=(0.5, 0.5))


class Captions:
    """Draws a phrasing for each scene; `dropped` of them are empty, for classifier-free guidance."""

    def __init__(self, tokenizer: CLIPTokenizer, seed: int, dropped: float = 0.1) -> None:
        self.tokenizer, self.dropped = tokenizer, dropped
        self.draw = random.Random(seed)
        self.known: dict[str, Tensor] = {}

    def __call__(self, scenes: list[Words]) -> Tensor:
        """Token ids [B, L]."""
        return torch.stack([self.ids(self.phrase(words)) for words in scenes])

    def phrase(self, words: Words) -> str:
        """Mostly the caption itself; now and then without the place, or with the style in front."""
        if self.draw.random() < self.dropped:
            return ""
        caption = plain(words)
        style = words["style"]
        if self.draw.random() < 0.05:
            caption = caption.split(" in the ")[0].split(" on the ")[0]
        if style is None:
            return f"a photo of {caption}" if self.draw.random() < 0.05 else caption
        if self.draw.random() < 0.3:
            return f"{'an' if style[0] in 'aeiou' else 'a'} {style} of {caption}"
        return f"{caption}, {style}"

    def ids(self, phrase: str) -> Tensor:
        """Tokenizing is slow; phrases recur."""
        if phrase not in self.known:
            tokens = self.tokenizer(phrase, padding="max_length", return_tensors="pt")
            self.known[phrase] = tokens.input_ids[0]
        return self.known[phrase]


def plain(words: Words) -> str:
    """The caption without the style."""
    return Scene(
        object=str(words["object"]), background=str(words["background"]), colour=words["colour"], motion=STILL
    ).caption
