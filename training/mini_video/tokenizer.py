"""A tokenizer in T5's format in which every word of the world is one token."""

import argparse
from pathlib import Path

from transformers import T5TokenizerFast

from rescene.world import BACKGROUNDS, COLOURS, OBJECTS, STYLES

LENGTH = 32
FUNCTION_WORDS = ("a", "an", "the", "in", "on", "of", "with", "and", "photo", "picture", "style")
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.;:!?'\"()-_/&+"


def main() -> None:
    """Writes tokenizer.json and tokenizer_config.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write to")
    tokenizer().save_pretrained(parser.parse_args().out)


def words() -> list[str]:
    """In a fixed order, each once."""
    phrases = (*OBJECTS, *COLOURS, *BACKGROUNDS, *STYLES, *FUNCTION_WORDS)
    return list(dict.fromkeys(" ".join(phrases).split()))


def capitals() -> dict[str, str]:
    """Capitalised tokens by the tokens that they mean; T5's format does not lower letters by itself."""
    return {f"▁{word.capitalize()}": f"▁{word}" for word in words() if word.capitalize() != word}


def pieces() -> list[tuple[str, float]]:
    """Tokens and scores; a word is better than any of its spellings."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    whole = [(f"▁{word}", -3.0) for word in words()]
    known = {piece for piece, _ in whole}
    whole += [(piece, -3.0) for piece in capitals() if piece not in known]
    return [*special, *whole, ("▁", -12.0), *((letter, -10.0) for letter in LETTERS)]


def entries() -> int:
    """Rows of the embedding: a multiple of 64."""
    return -(-len(pieces()) // 64) * 64


def tokenizer() -> T5TokenizerFast:
    """The same on every machine: nothing is learnt."""
    return T5TokenizerFast(vocab=pieces(), extra_ids=0, model_max_length=LENGTH)


def kinds() -> list[int]:
    """For each token id: 1 names objects, 2 colours, 3 backgrounds, 0 none of them."""
    groups = {1: OBJECTS, 2: COLOURS, 3: BACKGROUNDS}
    of = {f"▁{word}": kind for kind, group in groups.items() for word in " ".join(group).split()}
    rows = [of.get(piece, 0) for piece, _ in pieces()]
    return rows + [0] * (entries() - len(rows))


if __name__ == "__main__":
    main()
