"""Whether the hub can be asked, and which names are its ids."""

import pytest

from rescene.backbones import is_hub_id
from rescene.backbones.hub import HOLDS, Hub


class World:
    """A network that may fail, and a clock."""

    def __init__(self) -> None:
        self.now, self.works, self.asked = 0.0, True, 0

    def ask(self) -> None:
        self.asked += 1
        if not self.works:
            raise ConnectionError("no route to host")

    def clock(self) -> float:
        return self.now


def test_an_answer_holds_for_a_while() -> None:
    world = World()
    hub = Hub(world.ask, world.clock)
    assert hub.answers() and hub.answers()
    world.now = HOLDS - 1
    assert hub.answers()
    assert world.asked == 1
    world.now, world.works = HOLDS + 1, False
    assert not hub.answers()
    assert world.asked == 2


def test_silence_is_never_relied_on() -> None:
    """A hiccup must not make an app refuse downloads until it is restarted."""
    world = World()
    hub, world.works = Hub(world.ask, world.clock), False
    assert not hub.answers()
    assert not hub.answers()
    world.works = True
    assert hub.answers()
    assert world.asked == 3


def test_other_errors_are_not_silence() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Hub(broken).answers()


@pytest.mark.parametrize(
    ("name", "is_id"),
    [
        ("someone/something", True),
        ("sd15", False),
        ("a/b/c", False),
        ("./folder", False),
        ("/folder", False),
        ("~/folder", False),
    ],
)
def test_ids_have_an_owner_and_a_name(name: str, is_id: bool) -> None:
    assert is_hub_id(name) == is_id
