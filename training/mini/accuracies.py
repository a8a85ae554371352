"""Shares of named words that the world's classifier reads in pictures."""

import numpy as np

from rescene.world import Scene
from rescene.world.classifier import Reading


def accuracies(scenes: list[Scene], readings: list[Reading]) -> dict[str, float]:
    """Of the scenes that name it, the share where a word is read; all: every named word is."""
    right: dict[str, list[bool]] = {"object": [], "colour": [], "background": [], "style": [], "all": []}
    for scene, reading in zip(scenes, readings, strict=True):
        named = {"object": scene.object, "background": scene.background, "style": scene.style}
        named |= {"colour": scene.colour} if scene.colour else {}
        matches = {kind: getattr(reading, kind) == word for kind, word in named.items()}
        for kind, match in (matches | {"all": all(matches.values())}).items():
            right[kind].append(match)
    return {kind: round(float(np.mean(matches)), 4) for kind, matches in right.items() if matches}
