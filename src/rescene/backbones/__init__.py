"""Pretrained models, seen as encode, decode, embed, schedule and predict."""

from .backbone import Backbone
from .load import ALIASES, best_device, load, usual_dtype
from .load_video import VIDEO_ALIASES, load_video_model, outline_video_model
from .motion_lora import MotionLoRA
from .outline import outline, resolved_revision
from .stable_diffusion import PromptWarning, StableDiffusion
from .stable_diffusion_xl import StableDiffusionXL
from .stable_video import Branch, Lead, StableVideo

__all__ = [
    "ALIASES",
    "VIDEO_ALIASES",
    "Backbone",
    "Branch",
    "Lead",
    "MotionLoRA",
    "PromptWarning",
    "StableDiffusion",
    "StableDiffusionXL",
    "StableVideo",
    "best_device",
    "load",
    "load_video_model",
    "outline",
    "outline_video_model",
    "resolved_revision",
    "usual_dtype",
]
