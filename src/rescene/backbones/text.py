"""Prompts as networks read them: states of each token, and where the words are among the tokens."""

import html
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..prompts import Prompt, Tokenizer, refuse_bytes, tokenize
from .parts import Parts

REMEMBERED = 64
"""Prompts whose texts are kept."""


class PromptWarning(UserWarning):
    """A prompt asks for something that the model never saw."""


@dataclass(frozen=True, eq=False)
class Text:
    """An encoded prompt."""

    prompt: Prompt
    """Its words and tokens."""
    states: Float[Tensor, "L E"]
    """What the network attends to: a row for each token, padding included."""
    mask: Float[Tensor, " L"] | None = None
    """1 for tokens that the network attends to, 0 for others; all of them if None."""
    summary: Float[Tensor, " S"] | None = None
    """The whole prompt in one vector, for networks that read that too."""


@runtime_checkable
class TextEncoder(Protocol):
    """Reads prompts."""

    tokenizer: Tokenizer
    """Splits prompts as the encoder reads them."""
    width: int
    """Of the states that it gives for each token."""

    def __call__(self, prompt: str) -> Text:
        """The encoded prompt; the network runs once for each.

        Warns:
            PromptWarning: If the model won't understand it.

        Raises:
            ValueError: If the prompt has more tokens than the encoder takes.
        """
        ...

    def tokenize(self, prompt: str) -> Prompt:
        """Its words and tokens, without running the network."""
        ...


_WEIGHTED = re.compile(r"\([^()]*:\s*-?[\d.]+\s*\)|\(\([^()]+\)\)|\[\[[^\[\]]+\]\]|\b\w+(\+\+|--)(?=[\s,]|$)")
"""How other programs weight words: (word:1.3), ((word)), [[word]], word++."""


class Encoded(NamedTuple):
    """What networks make of a prompt."""

    states: Float[Tensor, "1 L E"]
    summary: Float[Tensor, "1 S"] | None = None


class ClipText:
    """CLIP's last hidden states, padded to the tokenizer's length.

    Args:
        parts: The model's networks.
        tokenizer: CLIP's.
        encoder: CLIP's text model.
        remark: What to warn of in a prompt, if anything.
    """

    _marks = 2
    """Tokens that the tokenizer adds: the begin and the end."""

    def __init__(
        self,
        parts: Parts,
        tokenizer: Any,
        encoder: Any,
        *,
        remark: Callable[[str], str | None] | None = None,
    ):
        self.tokenizer, self._parts, self._encoder, self._remark = tokenizer, parts, encoder, remark
        self.width, self._length = int(encoder.config.hidden_size), int(tokenizer.model_max_length)
        self._known: dict[str, Text] = {}

    def __call__(self, prompt: str) -> Text:
        """See `TextEncoder`."""
        self._refuse_long(prompt)
        if weighted := _WEIGHTED.search(prompt):
            warnings.warn(
                f"{weighted[0]} in the prompt is read as text, brackets and all; FateZero weights words by "
                "--emphasize WORD NUMBER",
                PromptWarning,
                stacklevel=2,
            )
        if self._remark and (remark := self._remark(prompt)):
            warnings.warn(remark, PromptWarning, stacklevel=2)
        if prompt not in self._known:
            while len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[prompt] = self._text(prompt)
        return self._known[prompt]

    def tokenize(self, prompt: str) -> Prompt:
        """See `TextEncoder`."""
        return tokenize(self.tokenizer, prompt, length=self._length)

    @torch.no_grad()
    def _text(self, prompt: str) -> Text:
        states, summary = self.encode(prompt)
        return Text(
            prompt=self.tokenize(prompt),
            states=states[0].float(),
            summary=None if summary is None else summary[0].float(),
        )

    def encode(self, prompt: str) -> Encoded:
        """Runs the networks."""
        return Encoded(self._run(self.tokenizer, self._encoder, prompt)[0])

    def _run(self, tokenizer: Any, encoder: Any, prompt: str, **options: bool) -> Any:
        padded = tokenizer(prompt, padding="max_length", return_tensors="pt").input_ids
        return self._parts.awake(encoder)(padded.to(self._parts.device), **options)

    def _refuse_long(self, prompt: str) -> None:
        refuse_bytes(prompt)
        tokens: list[int] = self.tokenizer(prompt).input_ids
        if len(tokens) > self._length:
            lost = self.tokenizer.decode(tokens[self._length - 1 : -1]).strip()
            raise ValueError(
                f"the prompt has {len(tokens) - self._marks} tokens and the model reads "
                f"{self._length - self._marks}; cut {lost!r}"
            )


class TwoClips(ClipText):
    """States of two CLIPs side by side, from their last but one layers, and the second one's summary.

    An empty prompt is zeros: so the model was trained to do without one.

    Args:
        parts: The model's networks.
        tokenizers: Those of both.
        encoders: Both text models.
    """

    def __init__(self, parts: Parts, tokenizers: tuple[Any, Any], encoders: tuple[Any, Any], **options: Any):
        super().__init__(parts, tokenizers[0], encoders[0], **options)
        self._both = list(zip(tokenizers, encoders, strict=True))
        self.width = sum(int(each.config.hidden_size) for each in encoders)

    def encode(self, prompt: str) -> Encoded:
        """Runs both networks."""
        outputs = [self._run(*each, prompt, output_hidden_states=True) for each in self._both]
        states = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
        summary = outputs[-1].text_embeds
        if not prompt:
            states, summary = torch.zeros_like(states), torch.zeros_like(summary)
        return Encoded(states, summary)


class T5Text(ClipText):
    """T5's last hidden states as Wan reads them: those of the prompt's own tokens, then zeros.

    No mask tells the network which are which, so that the number of rows is part of the result.

    Args:
        parts: The model's networks.
        tokenizer: T5's.
        encoder: T5's encoder.
        length: Rows that the network was trained with.
    """

    _marks = 1

    def __init__(self, parts: Parts, tokenizer: Any, encoder: Any, *, length: int, **options: Any):
        super().__init__(parts, tokenizer, encoder, **options)
        self._length = length

    def __call__(self, prompt: str) -> Text:
        """See `TextEncoder`; entities of HTML and runs of white space are resolved first."""
        return super().__call__(cleaned(prompt))

    def tokenize(self, prompt: str) -> Prompt:
        """See `TextEncoder`."""
        return super().tokenize(cleaned(prompt))

    def encode(self, prompt: str) -> Encoded:
        """Runs the network."""
        padded = self.tokenizer(prompt, padding="max_length", max_length=self._length, return_tensors="pt")
        if self._parts.device.type == "meta":  # Making the mask would ask for numbers.
            return Encoded(torch.empty(1, self._length, self.width, device="meta"))
        encoder = self._parts.awake(self._encoder)
        padded = padded.to(encoder.device)
        states = encoder(padded.input_ids, attention_mask=padded.attention_mask).last_hidden_state
        return Encoded(states * padded.attention_mask[..., None].to(states))


def cleaned(prompt: str) -> str:
    """A prompt as Wan was trained on: without entities of HTML, also doubled ones, and in single spaces."""
    return " ".join(html.unescape(html.unescape(prompt)).split())
