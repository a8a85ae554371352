"""The embedded model: a small text-to-image pipeline in diffusers' layout, trained on `rescene.world`."""

from pathlib import Path

FOLDER = Path(__file__).parent
"""What to load: a folder as Stable Diffusion's."""
