"""Compares prompt alignment with the original's: every id, mapper, equalizer, word index and window."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import CLIPTokenizer

from rescene.fields import Window, steps_within
from rescene.prompts import Alignment, Prompt, align, equalizer, tokenize, word_windows

T = TypeVar("T")


def check(root: Path, models: Path) -> list[tuple[str, float]]:
    """Compares every value of `root/tokens.json`; lists each kind of value with its largest error."""
    golden = json.loads((root / "tokens.json").read_text())
    tokenizer = CLIPTokenizer.from_pretrained(models / "tiny-sd" / "tokenizer")
    errors: dict[str, float] = {}
    checks = (_pair(tokenizer, pair) for pair in golden["pairs"])
    everything = [*(item for pair in checks for item in pair), *_windows(golden["windows"])]
    everything += _word_windows(tokenizer, golden["word_window_example"])
    for name, ours, theirs in everything:
        errors[name] = max(errors.get(name, 0.0), _error(ours, theirs))
    return [(f"tokens/{name}", error) for name, error in errors.items()]


def published_align(source: Prompt, target: Prompt, *, is_replace: bool) -> Alignment:
    """Aligns as the original does where it differs from `align`, see docs/differences.md.

    Word-for-word replacement of unequal prompts silently becomes refinement. After the last changed word,
    token n reads the source's token n, even where the words have moved. Padding does so in refinement too.
    """
    if not (is_replace and len(source.words) == len(target.words)):
        return _read_in_place(align(source, target, kind="refine"), len(target.ids), target.length)
    alignment = align(source, target, kind="replace")
    changed = [i for i, old in enumerate(source.words) if old != target.words[i]]
    if not changed:
        return alignment
    old_end, new_end = (prompt.positions[changed[-1]][-1] + 1 for prompt in (source, target))
    return _read_in_place(alignment, new_end, target.length - max(old_end - new_end, 0))


def present(words: Mapping[str, T], target: Prompt) -> dict[str, T]:
    """The words that the prompt contains: the original ignores all others without a word."""
    return {word: value for word, value in words.items() if word in target.words}


def _read_in_place(alignment: Alignment, start: int, end: int) -> Alignment:
    """Lets tokens from `start` on read the source's of their own number, and those from `end` on none."""
    mapping, share = alignment.mapping.clone(), alignment.share.clone()
    mapping[:, start:] = 0
    for n in range(start, end):
        mapping[n, n] = share[n] = 1
    return Alignment(mapping, share)


def _pair(
    tokenizer: CLIPTokenizer, pair: Mapping[str, Any]
) -> Iterator[tuple[str, Sequence[Any], Sequence[Any]]]:
    source, target = tokenize(tokenizer, pair["source"]), tokenize(tokenizer, pair["target"])
    yield "ids", [*source.ids, *target.ids], [*pair["source_ids"], *pair["target_ids"]]
    yield "word counts", [len(source.words) == len(target.words)], [pair["equal_words"]]

    refined = published_align(source, target, is_replace=False)
    zeros = (refined.share == 0).nonzero().flatten().tolist()
    yield "refine shares", zeros, pair["refine_alphas_zero_at"]
    read = [m if n not in zeros else -1 for n, m in enumerate(refined.mapping.argmax(dim=0).tolist())]
    yield "refine mapper", read, pair["refine_mapper"]

    if pair["equal_words"]:
        replaced = published_align(source, target, is_replace=True)
        expected = torch.eye(target.length)
        for m, n, value in pair["replace_mapper_diff_from_identity"]:
            expected[m, n] = value
        yield "replace mapper", replaced.mapping.flatten().tolist(), expected.flatten().tolist()

    if "eq_params" in pair:
        words = dict(zip(pair["eq_params"]["words"], pair["eq_params"]["values"], strict=False))
        expected = torch.ones(target.length)
        for n, value in pair["equalizer_not_one"]:
            expected[n] = value
        yield "equalizer", equalizer(target, present(words, target)).tolist(), expected.tolist()

    for prompt, words, expected in zip(
        (source, target), pair.get("blend_words", ()), pair.get("blend_inds", ()), strict=False
    ):
        yield (
            "word indices",
            [n for word in words if word in prompt.words for n in prompt.find(word)],
            expected,
        )


def _windows(golden: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[int], Sequence[int]]]:
    for key, expected in golden.items():
        steps, bounds = (part.partition("=")[2] for part in key.split(",", maxsplit=1))
        window = _window(bounds)
        for name, total in (("self_window", int(steps)), ("cross_on_steps", int(steps) + 1)):
            inside = steps_within(window, total)
            yield name.replace("_", " "), [inside.start, inside.stop], expected[name]


def _window(text: str) -> Window:
    bounds = [float(part) for part in text.strip("()").split(",")]
    return (bounds[0], bounds[1]) if len(bounds) == 2 else bounds[0]


def _word_windows(
    tokenizer: CLIPTokenizer, golden: Mapping[str, Any]
) -> list[tuple[str, Sequence[float], Sequence[float]]]:
    target = tokenize(tokenizer, golden["target"])
    windows = {word: (float(start), float(end)) for word, (start, end) in golden["cfg"].items()}
    default = windows.pop("default_")
    table = word_windows(target, default, windows, steps=golden["N"])
    # The original's table has one row more than it has steps.
    expected = torch.tensor(golden["alpha_first_9_tokens"][: golden["N"]])
    return [("word windows", table[:, : expected.shape[1]].flatten().tolist(), expected.flatten().tolist())]


def _error(ours: Sequence[float], theirs: Sequence[float]) -> float:
    if len(ours) != len(theirs):
        return math.inf
    return max((abs(a - b) for a, b in zip(ours, theirs, strict=True)), default=0.0)
