"""What happens inside the network while it predicts: hooks around its attention layers."""

from .control import AttentionControl, Change, Pass
from .features import (
    InjectionSites,
    RecordFeatures,
    ShareAttention,
    UseFeatures,
    injection_sites,
)
from .frames import FrameKeys
from .hooks import AttentionHook, Call, FeatureHook
from .joint import AllFrames
from .layers import AtLevel, FromLevel, Layer, layout_level
from .masks import WatchWords, WordMask, word_level
from .pivots import Blend, Segments
from .propagation import (
    Correspond,
    Found,
    Outputs,
    PivotTokens,
    Propagate,
    RecordOutputs,
    RecordTokens,
    Shares,
    nearest,
)
from .source import Attention, Follow, Record
from .stores import SourceStore, open_store
from .words import FollowWords

__all__ = [
    "AllFrames",
    "AtLevel",
    "Attention",
    "AttentionControl",
    "AttentionHook",
    "Blend",
    "Call",
    "Change",
    "Correspond",
    "FeatureHook",
    "Follow",
    "FollowWords",
    "Found",
    "FrameKeys",
    "FromLevel",
    "InjectionSites",
    "Layer",
    "Outputs",
    "Pass",
    "PivotTokens",
    "Propagate",
    "Record",
    "RecordFeatures",
    "RecordOutputs",
    "RecordTokens",
    "Segments",
    "ShareAttention",
    "Shares",
    "SourceStore",
    "UseFeatures",
    "WatchWords",
    "WordMask",
    "injection_sites",
    "layout_level",
    "nearest",
    "open_store",
    "word_level",
]
