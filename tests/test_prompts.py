"""Prompt alignment: which source tokens a target's tokens follow, when, and how strongly."""

from typing import Literal

import pytest
import torch
from transformers import CLIPTokenizer

from rescene.fields import steps_within
from rescene.prompts import Alignment, Prompt, align, equalizer, refine, replace, tokenize, word_windows

LENGTH = 24


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    """A CLIP tokenizer to which each letter is a token."""
    letters = "abcdefghijklmnopqrstuvwxyz,-"
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    return CLIPTokenizer(vocab=vocab, merges=[], model_max_length=LENGTH)


def prompt(*sizes: int, words: str, length: int = LENGTH) -> Prompt:
    """A prompt whose words have the given numbers of tokens; equal words get equal ids."""
    positions, ids, start = [], [0], 1
    for word, size in zip(words.split(), sizes, strict=True):
        positions.append(tuple(range(start, start + size)))
        ids += [int.from_bytes(f"{word}{i}".encode()) for i in range(size)]
        start += size
    return Prompt(words=tuple(words.split()), positions=tuple(positions), ids=(*ids, 1), length=length)


def test_each_token_belongs_to_the_word_it_is_part_of(tokenizer: CLIPTokenizer) -> None:
    read = tokenize(tokenizer, "a cat, A-cat")
    assert read.words == ("a", "cat,", "A-cat")
    assert read.positions == ((1,), (2, 3, 4, 5), (6, 7, 8, 9, 10))
    assert len(read.ids) == 12
    assert read.length == LENGTH


@pytest.mark.parametrize("text", ["a  cat sat", " a cat\tsat ", "a\ncat   sat"])
def test_white_space_of_any_kind_separates_words(tokenizer: CLIPTokenizer, text: str) -> None:
    assert tokenize(tokenizer, text) == tokenize(tokenizer, "a cat sat")


def test_an_empty_prompt_has_marks_only(tokenizer: CLIPTokenizer) -> None:
    read = tokenize(tokenizer, "")
    assert (read.words, read.positions, len(read.ids)) == ((), (), 2)
    assert torch.equal(align(read, read).mapping, torch.eye(LENGTH))


def test_find_lists_every_occurrence_of_a_word_or_phrase() -> None:
    text = prompt(1, 2, 1, 2, 1, words="red fox and fox red")
    assert text.find("fox") == [2, 3, 5, 6]
    assert text.find("red fox") == [1, 2, 3]


@pytest.mark.parametrize("word", ["Fox", "fo", "fox red", "", "wolf"])
def test_a_word_that_is_missing_is_an_error_that_names_the_words(word: str) -> None:
    with pytest.raises(ValueError, match="its words are: red, fox"):
        prompt(1, 1, words="red fox").find(word)


def test_a_word_beyond_the_encoders_reach_is_an_error(tokenizer: CLIPTokenizer) -> None:
    read = tokenize(tokenizer, "a " * 30 + "cat")
    assert len(read.ids) == LENGTH
    assert len(read.find("a")) == LENGTH - 2
    with pytest.raises(ValueError, match="beyond the 24 tokens"):
        read.find("cat")


@pytest.mark.parametrize("kind", ["auto", "replace", "refine"])
def test_equal_prompts_align_each_token_with_itself(kind: Literal["auto", "replace", "refine"]) -> None:
    text = prompt(1, 3, 2, words="a spotted cat")
    alignment = align(text, text, kind=kind)
    assert torch.equal(alignment.mapping, torch.eye(LENGTH))
    assert torch.equal(alignment.share, torch.ones(LENGTH))


@pytest.mark.parametrize(
    ("source", "target", "follows"),
    [
        ("abcabc", "abc", [0, 1, 2]),
        ("abc", "abcabc", [0, 1, 2, -1, -1, -1]),
        ("abcd", "dcba", [3, -1, -1, -1]),
        ("xaby", "xcay", [0, -1, 1, 3]),
    ],
)
def test_refine_follows_a_longest_common_subsequence(source: str, target: str, follows: list[int]) -> None:
    alignment = refine([*map(ord, source)], [*map(ord, target)], length=8)
    found = [int(column.argmax()) if column.any() else -1 for column in alignment.mapping.T]
    assert found[: len(target)] == follows
    assert alignment.share.tolist()[: len(target)] == [float(m >= 0) for m in follows]


def test_padding_follows_padding_and_never_a_word_of_the_source() -> None:
    longer = refine([0, 7, 1], [0, 5, 7, 1], length=8)
    assert torch.equal(longer.mapping[4:, 4:], torch.eye(4))
    shorter = refine([0, 5, 7, 8, 1], [0, 7, 1], length=8)
    assert shorter.share[3:].tolist() == [0, 0, 1, 1, 1]
    assert torch.equal(shorter.mapping[5:, 5:], torch.eye(3))


def test_replace_shares_a_words_attention_among_its_new_tokens_and_moves_the_rest() -> None:
    source = prompt(1, 1, 1, words="a cat walks")
    target = prompt(1, 4, 1, words="a shiba-inu walks")
    mapping = replace(source, target).mapping
    assert torch.equal(mapping[2, 2:6], torch.full((4,), 0.25))
    assert mapping[3, 6] == 1
    assert torch.equal(mapping[3 : LENGTH - 3, 6:], torch.eye(LENGTH - 6))


def test_replace_adds_up_the_attention_of_words_that_shrink() -> None:
    source = prompt(1, 4, 1, words="a shiba-inu walks")
    target = prompt(1, 1, 1, words="a cat walks")
    mapping = replace(source, target).mapping
    assert mapping[2:6, 2].tolist() == [1, 1, 1, 1]
    assert torch.equal(mapping.sum(dim=1), torch.ones(LENGTH)), "every source token is read exactly once"


def test_replace_pairs_the_tokens_of_words_of_equal_size() -> None:
    mapping = replace(prompt(1, 2, words="a leopard"), prompt(1, 2, words="a panther")).mapping
    assert torch.equal(mapping, torch.eye(LENGTH))


def test_replace_refuses_prompts_of_unequal_word_counts_and_auto_refines_them() -> None:
    source, target = prompt(1, 1, words="a cat"), prompt(1, 1, 1, words="a white cat")
    with pytest.raises(ValueError, match="not 2 and 3"):
        align(source, target, kind="replace")
    assert torch.equal(align(source, target).mapping, refine(source.ids, target.ids, length=LENGTH).mapping)


def test_values_fold_the_control_of_maps_exactly() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, tokens, width = 10, 12, 5
    source_map, target_map = torch.rand(2, queries, tokens, generator=generator).softmax(dim=-1)
    mapping, (share, weights, scale) = (
        torch.rand(tokens, tokens, generator=generator),
        torch.rand(3, tokens, generator=generator),
    )
    values = torch.randn(tokens, width, generator=generator)

    followed = scale * (share * (source_map @ mapping) + (1 - share) * target_map)
    controlled = weights * followed + (1 - weights) * target_map
    fold, own = Alignment(mapping, share).values(weights, scale)

    folded = source_map @ (fold @ values) + target_map @ (own[:, None] * values)
    torch.testing.assert_close(folded, controlled @ values)


@pytest.mark.parametrize(
    ("window", "steps", "inside"),
    [(0.8, 10, (0, 8)), (0.8, 8, (0, 6)), (0.0, 5, (0, 0)), (1.0, 5, (0, 5)), ((0.2, 0.8), 5, (1, 4))],
)
def test_a_window_is_a_share_of_the_steps(
    window: float | tuple[float, float], steps: int, inside: tuple[int, int]
) -> None:
    assert steps_within(window, steps) == range(*inside)


@pytest.mark.parametrize("window", [-0.1, 1.1, (0.8, 0.2), (0.0, 2.0), float("nan")])
def test_a_window_outside_zero_to_one_is_an_error(window: float | tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        steps_within(window, 10)


def test_words_may_have_windows_of_their_own() -> None:
    target = prompt(1, 2, 1, words="a porsche drives")
    table = word_windows(target, 0.5, {"porsche": (0.2, 1.0)}, steps=10)
    assert table.shape == (10, LENGTH)
    assert table[:, 1].tolist() == [1] * 5 + [0] * 5
    assert table[:, 2].tolist() == table[:, 3].tolist() == [0] * 2 + [1] * 8
    assert word_windows(target, 0.8, steps=8)[:, 0].sum() == 7


def test_the_equalizer_scales_the_tokens_of_its_words_only() -> None:
    scale = equalizer(prompt(1, 2, 1, words="a porsche drives"), {"porsche": 4.0, "drives": 0.5})
    assert scale.tolist() == [1, 1, 4, 4, 0.5] + [1] * (LENGTH - 5)
