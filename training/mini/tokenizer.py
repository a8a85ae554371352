"""Learns a small vocabulary in CLIP's own tokenizer format: every word of the world is one token."""

import argparse
import json
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from rescene.world import BACKGROUNDS, COLOURS, OBJECTS, STYLES, Scene

FUNCTION_WORDS = ("a", "an", "the", "in", "on", "of", "with", "and", "photo", "picture", "style", ",")
END = "</w>"
LENGTH = 32


def main() -> None:
    """Writes vocab.json, merges.txt and tokenizer_config.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    out = parser.parse_args().out
    model = json.loads(learnt().to_str())["model"]
    vocabulary: dict[str, int] = model["vocab"]
    for special in ("<|startoftext|>", "<|endoftext|>"):
        vocabulary[special] = len(vocabulary)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    out.mkdir(parents=True, exist_ok=True)
    (out / "vocab.json").write_text(json.dumps(vocabulary))
    (out / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    configuration = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": "<|startoftext|>",
        "eos_token": "<|endoftext|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
    }
    (out / "tokenizer_config.json").write_text(json.dumps(configuration, indent=2) + "\n")


def learnt() -> Tokenizer:
    """The words count most; captions teach nothing but their letters."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=END, unk_token="<|endoftext|>"))
    words = Regex(r"[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, "removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=[],
        end_of_word_suffix=END,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    vocabulary = [*OBJECTS, *COLOURS, *BACKGROUNDS, *STYLES, *FUNCTION_WORDS]
    captions = [Scene.random(seed).caption for seed in range(1000)]
    tokenizer.train_from_iterator(captions + vocabulary * 200, trainer)
    return tokenizer


if __name__ == "__main__":
    main()
