"""RAFT needs torchvision; it must say so."""

from importlib.util import find_spec

import pytest

from rescene.metrics import RAFT


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_without_torchvision_it_says_what_to_install():
    with pytest.raises(ValueError, match="torchvision"):
        RAFT()
