"""Names for tensor shapes, declared once.

F frames · T latents over time · B rows of a batch (branch-major) · C channels · h w latent size · H W pixels
N query tokens · M key tokens · K heads · D head width · V width of values · L text tokens · E text width
"""

from jaxtyping import Bool, Float
from torch import Tensor

Frames = Float[Tensor, "F 3 H W"]
"""Pixels in [0, 1]."""
Latents = Float[Tensor, "T C h w"]
"""Time first, for every model. `Grid` tells which frames a latent covers."""
Tokens = Float[Tensor, "B N C"]
Queries = Float[Tensor, "B K N D"]
Keys = Float[Tensor, "B K M D"]
"""Keys or values."""
Values = Float[Tensor, "B K M V"]
"""Values that may be wider than their keys: several branches' side by side."""
Attended = Float[Tensor, "B K N V"]
"""What attention makes of them."""
Maps = Float[Tensor, "B K N M"]
"""Attention probabilities: rows sum to one."""
Masks = Bool[Tensor, "F h w"]
Heat = Float[Tensor, "F L h w"]
"""How much each latent position attends to each text token."""
