"""Videos into frames that steer ControlNets: edges, depth and poses."""

from .canny import Canny
from .control import Control
from .depth import Depth
from .pose import Pose

CONTROLS: dict[str, type[Control]] = {"canny": Canny, "depth": Depth, "pose": Pose}
"""Controls by the name that the command line uses."""

__all__ = ["CONTROLS", "Canny", "Control", "Depth", "Pose"]
