"""A small rendered world with known answers: captions, exact masks, exact flow, and the true edited video."""

from rescene.world.backgrounds import BACKGROUNDS
from rescene.world.colours import COLOURS
from rescene.world.scene import Motion, RenderedClip, Scene, warped
from rescene.world.scorer import WorldScorer
from rescene.world.sprites import OBJECTS
from rescene.world.styles import STYLES
from rescene.world.vocabulary import unknown_words, vocabulary

__all__ = [
    "BACKGROUNDS",
    "COLOURS",
    "OBJECTS",
    "STYLES",
    "Motion",
    "RenderedClip",
    "Scene",
    "WorldScorer",
    "unknown_words",
    "vocabulary",
    "warped",
]
