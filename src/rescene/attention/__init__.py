"""What happens inside the network while it predicts: hooks around its attention layers."""

from .control import AttentionControl
from .features import (
    FeatureHook,
    FollowFeatures,
    FollowFirst,
    InjectionSites,
    RecordFeatures,
    UseFeatures,
    injection_sites,
)
from .frames import FrameKeys
from .hooks import AttentionHook, Call
from .joint import AllFrames
from .layers import AtLevel, FromLevel, Layer, layout_level
from .masks import WatchWords, WordMask, word_level
from .pivots import Segments
from .propagation import Found, PivotFeatures, Propagate, RecordPivots, Shares, nearest
from .source import Attention, Follow, Record
from .stores import SourceStore, open_store
from .words import FollowWords

__all__ = [
    "AllFrames",
    "AtLevel",
    "Attention",
    "AttentionControl",
    "AttentionHook",
    "Call",
    "FeatureHook",
    "Follow",
    "FollowFeatures",
    "FollowFirst",
    "FollowWords",
    "Found",
    "FrameKeys",
    "FromLevel",
    "InjectionSites",
    "Layer",
    "PivotFeatures",
    "Propagate",
    "Record",
    "RecordFeatures",
    "RecordPivots",
    "Segments",
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
