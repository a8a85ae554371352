"""The words by which methods say what they need and models say what they are."""

from typing import Literal

Kind = Literal["text", "picture", "beside", "depth", "control"]
"""What a model is conditioned on: a prompt, a picture that leads it, latents or depth maps beside its own, or
the latents of a clip with a mask (VACE)."""
Attends = Literal["frame", "time", "clip", "words", "picture"]
"""What the queries of an attention layer look at: their own frame, their own position at other times, the
whole clip, the prompt, or the leading picture."""
Verb = Literal["edit", "generate", "propagate"]
"""The commands that run methods."""
