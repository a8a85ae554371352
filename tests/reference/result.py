"""One comparison with the original, and how it is reported."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Result:
    """The errors of one recorded output, and the bounds that they must keep."""

    name: str
    largest: float
    mean: float
    tolerance: float
    mean_tolerance: float = math.inf

    @classmethod
    def of(
        cls, name: str, ours: Tensor, theirs: Tensor, tolerance: float, mean_tolerance: float = math.inf
    ) -> "Result":
        """Compares two tensors; different shapes are infinitely wrong."""
        if ours.shape != theirs.shape:
            return cls(f"{name} {tuple(ours.shape)} for {tuple(theirs.shape)}", math.inf, math.inf, tolerance)
        error = (ours.double() - theirs.double()).abs()
        error = torch.where(error.isnan(), torch.inf, error)
        return cls(name, error.max().item(), error.mean().item(), tolerance, mean_tolerance)

    @property
    def ok(self) -> bool:
        """Whether both errors are within bounds."""
        return self.largest <= self.tolerance and self.mean <= self.mean_tolerance

    def __str__(self) -> str:
        bounds = f"{self.tolerance:.0e}" + (
            "" if math.isinf(self.mean_tolerance) else f" / {self.mean_tolerance:.0e}"
        )
        verdict = "ok" if self.ok else "FAILED"
        return (
            f"{self.name:<48} max {self.largest:.2e}  mean {self.mean:.2e}  tolerance {bounds:<13} {verdict}"
        )
