"""What a target prompt takes from its source: token by token, word by word, step by step.

Cross-attention control after Prompt-to-Prompt (Hertz et al., 2022). An edit keeps the layout of its source
where the tokens of the target attend as those of the source did. `align` says which token follows which,
`word_windows` during which steps, and `equalizer` how strongly.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from .fields import Window, shown, steps_within

TokenWeights = Float[Tensor, " L"]
TokenMapping = Float[Tensor, "L L"]


@runtime_checkable
class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that is used here."""

    model_max_length: int

    def __call__(
        self, text: str, /, *, truncation: bool, max_length: int, return_offsets_mapping: bool
    ) -> Mapping[str, Any]: ...


@dataclass(frozen=True, kw_only=True)
class Prompt:
    """A prompt as the text encoder reads it."""

    words: tuple[str, ...]
    """The text between white space, so that punctuation stays with its word."""
    positions: tuple[tuple[int, ...], ...]
    """Where the tokens of each word lie; empty for a word beyond the encoder's reach."""
    ids: tuple[int, ...]
    """Token ids with their begin and end marks, without padding."""
    length: int
    """How many tokens the encoder reads, padding included (L)."""

    def find(self, phrase: str) -> list[int]:
        """Lists the token positions of every occurrence of a word, or of several words in a row.

        Raises:
            ValueError: If the prompt doesn't contain the phrase, or the encoder doesn't reach it.
        """
        wanted = tuple(phrase.split())
        starts = [i for i in range(len(self.words)) if self.words[i : i + len(wanted)] == wanted]
        if not wanted or not starts:
            raise ValueError(f"{phrase!r} is not in the prompt; its words are: {', '.join(self.words)}")
        found = {p for i in starts for word in self.positions[i : i + len(wanted)] for p in word}
        if not found:
            raise ValueError(
                f"{phrase!r} lies beyond the {self.length} tokens that are read; shorten the prompt"
            )
        return sorted(found)


def tokenize(tokenizer: Tokenizer, text: str, *, length: int | None = None) -> Prompt:
    """Splits a text into words and tokens, and finds which belong together.

    Args:
        tokenizer: That of the text encoder.
        text: The prompt.
        length: How many tokens the encoder reads; the tokenizer's own number if None.

    Raises:
        ValueError: If it isn't text in Unicode.
    """
    refuse_bytes(text)
    length = length or tokenizer.model_max_length
    encoded = tokenizer(text, truncation=True, max_length=length, return_offsets_mapping=True)
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    # A token belongs to the word that its last letter lies in; marks have no letters.
    ends = [end if end > start else -1 for start, end in encoded["offset_mapping"]]
    return Prompt(
        words=tuple(text[start:end] for start, end in spans),
        positions=tuple(
            tuple(i for i, last in enumerate(ends) if start < last <= end) for start, end in spans
        ),
        ids=tuple(encoded["input_ids"]),
        length=length,
    )


def refuse_bytes(prompt: str) -> None:
    """Raises ValueError for a prompt of bytes that are no text, as a terminal in Latin-1 gives."""
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        readable = prompt.encode(errors="backslashreplace").decode()
        raise ValueError(
            f"the prompt {shown(readable)} has bytes that aren't UTF-8; "
            "set the terminal to UTF-8, or write it in a --config file"
        ) from error


@dataclass(frozen=True)
class Alignment:
    """Which source tokens each target token follows."""

    mapping: TokenMapping
    """`mapping[m, n]`: the part of source token m's attention that goes to target token n."""
    share: TokenWeights
    """For each target token, 1 if it attends as the source does and 0 if as the target itself."""

    def values(self, weights: TokenWeights, equalizer: TokenWeights) -> tuple[TokenMapping, TokenWeights]:
        """Moves cross-attention control from the attention maps to the values.

        With A the attention maps, α the weights, e the equalizer, a the share and V the target's values,
        control makes of the target's map

            α·e·(a · (A_source @ mapping) + (1 - a) · A_target) + (1 - α) · A_target

        Each factor scales whole columns, and (A · diag(c)) @ V = A @ (diag(c) @ V), so the result is

            A_source @ (fold @ V) + A_target @ (own · V)

        which is two ordinary attentions, without a map in memory.

        Args:
            weights: How far each token is controlled at this step: one row of `word_windows`.
            equalizer: How strongly each token is attended to where it is controlled.

        Returns:
            `fold`, by which the values go to the source's tokens, and `own`, which scales those that stay.
        """
        controlled = weights * equalizer
        return self.mapping * (controlled * self.share), (1 - weights) + controlled * (1 - self.share)


def align(
    source: Prompt, target: Prompt, *, kind: Literal["auto", "replace", "refine"] = "auto"
) -> Alignment:
    """Aligns two prompts: word for word if they have as many words (`auto`), else by what they share."""
    if kind == "replace" or (kind == "auto" and len(source.words) == len(target.words)):
        return replace(source, target)
    return refine(source.ids, target.ids, length=target.length)


def refine(source: Sequence[int], target: Sequence[int], *, length: int) -> Alignment:
    """Aligns the longest common subsequence of the token ids; tokens that are new attend on their own.

    Padding follows padding. Where the source still has words, the target's padding attends on its own.
    """
    mapping = torch.zeros(length, length)
    for m, n in _common(source, target):
        mapping[m, n] = 1
    for n in range(max(len(source), len(target)), length):
        mapping[n, n] = 1
    return Alignment(mapping, mapping.sum(dim=0))


def replace(source: Prompt, target: Prompt) -> Alignment:
    """Aligns word for word; a word of k tokens shares the attention of its source among them.

    Raises:
        ValueError: If the prompts differ in their number of words.
    """
    if len(source.words) != len(target.words):
        raise ValueError(
            f"word-for-word replacement needs as many words in both prompts, not {len(source.words)} and "
            f"{len(target.words)}; reword one of them or use kind='refine'"
        )
    changed = {
        olds[0]: (olds, news)
        for old, new, olds, news in zip(
            source.words, target.words, source.positions, target.positions, strict=True
        )
        if old != new and olds and news
    }
    mapping = torch.zeros(target.length, target.length)
    m = n = 0
    while m < target.length and n < target.length:
        olds, news = changed.get(m, ((m,), (n,)))
        same = len(olds) == len(news)
        block = torch.eye(len(olds)) if same else torch.full((len(olds), len(news)), 1 / len(news))
        mapping[m : m + len(olds), n : n + len(news)] = block
        m, n = m + len(olds), n + len(news)
    return Alignment(mapping, torch.ones(target.length))


def word_windows(
    target: Prompt, window: Window, words: Mapping[str, Window] | None = None, *, steps: int
) -> Float[Tensor, "{steps} L"]:
    """Says at which steps each token follows the source: 1 inside its window, 0 outside.

    Shares are of steps + 1, as in Prompt-to-Prompt: of 8 steps, 0.8 are the first 7.

    Args:
        target: The prompt whose tokens are meant.
        window: For all tokens, marks and padding included.
        words: Windows of single words or phrases, which take precedence; the last one named wins.
        steps: The number of steps.
    """
    table = torch.zeros(steps + 1, target.length)
    table[_slice(window, steps + 1)] = 1
    for word, own in (words or {}).items():
        positions = target.find(word)
        table[:, positions] = 0
        table[_slice(own, steps + 1), positions] = 1
    return table[:steps]


def equalizer(target: Prompt, weights: Mapping[str, float]) -> TokenWeights:
    """Scales the attention that words or phrases receive: above 1 for more of them, below 1 for less."""
    scale = torch.ones(target.length)
    for word, weight in weights.items():
        scale[target.find(word)] = weight
    return scale


def _slice(window: Window, steps: int) -> slice:
    inside = steps_within(window, steps)
    return slice(inside.start, inside.stop)


def _common(source: Sequence[int], target: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of positions of a longest common subsequence, as early in the source and target as can be."""
    best = [[0] * (len(target) + 1) for _ in range(len(source) + 1)]
    for m, old in enumerate(source):
        for n, new in enumerate(target):
            best[m + 1][n + 1] = max(best[m + 1][n], best[m][n + 1], best[m][n] + (old == new))
    pairs: list[tuple[int, int]] = []
    m, n = len(source), len(target)
    while m and n:
        # The order of these tests decides between equally long subsequences; it is Prompt-to-Prompt's.
        if best[m][n] == best[m][n - 1]:
            n -= 1
        elif best[m][n] == best[m - 1][n]:
            m -= 1
        else:
            m, n = m - 1, n - 1
            pairs.append((m, n))
    return pairs[::-1]
