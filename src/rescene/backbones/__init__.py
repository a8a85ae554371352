"""Pretrained models, seen as encode, decode, embed, schedule and predict."""

from .backbone import Backbone
from .load import ALIASES, best_device, load, usual_dtype
from .outline import outline, resolved_revision
from .stable_diffusion import PromptWarning, StableDiffusion

__all__ = [
    "ALIASES",
    "Backbone",
    "PromptWarning",
    "StableDiffusion",
    "best_device",
    "load",
    "outline",
    "resolved_revision",
    "usual_dtype",
]
