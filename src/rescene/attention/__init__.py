"""What happens inside the network while it predicts: hooks around its attention layers."""

from .control import AttentionControl, Change, Pass
from .frames import FrameKeys
from .hooks import Attend, AttentionHook, Call, FeatureHook, Features
from .layers import AtLevel, FromLevel, Layer, LayerPredicate, layout_level
from .masks import WatchWords, WordMask, word_level
from .source import Attention, Follow, Record

__all__ = [
    "AtLevel",
    "Attend",
    "Attention",
    "AttentionControl",
    "AttentionHook",
    "Call",
    "Change",
    "FeatureHook",
    "Features",
    "Follow",
    "FrameKeys",
    "FromLevel",
    "Layer",
    "LayerPredicate",
    "Pass",
    "Record",
    "WatchWords",
    "WordMask",
    "layout_level",
    "word_level",
]
