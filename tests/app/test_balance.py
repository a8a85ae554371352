import pytest

from rescene.app.balance import DEFAULT, fields_at, position_of
from rescene.app.fields import inputs
from rescene.methods import METHODS

BALANCES = {name: kind.balance for name, kind in METHODS["edit"].items() if kind.balance}
DEFAULTS = {name: {each.name: each.default for each in inputs(METHODS["edit"][name])} for name in BALANCES}

WORDS = {"source": "a red car", "target": "a green car"}
PROMPTS = dict.fromkeys(BALANCES, WORDS) | {"instruct-pix2pix": {"instruction": "make it night"}}


@pytest.mark.parametrize("method", BALANCES)
def test_the_middle_is_the_published_method(method):
    balance, defaults = BALANCES[method], DEFAULTS[method]
    assert fields_at(balance, DEFAULT, defaults) == {name: defaults[name] for name in balance.ends}


@pytest.mark.parametrize("method", BALANCES)
def test_the_ends_are_reached_and_are_valid(method):
    ends = BALANCES[method].ends
    keep, follow = (fields_at(BALANCES[method], place, DEFAULTS[method]) for place in (0, 100))
    assert keep == {name: each[0] for name, each in ends.items()}
    assert follow == {name: each[1] for name, each in ends.items()}
    METHODS["edit"][method](**PROMPTS[method], **keep)
    METHODS["edit"][method](**PROMPTS[method], **follow)


@pytest.mark.parametrize("method", BALANCES)
@pytest.mark.parametrize("place", [0, 25, 50, 80, 100])
def test_the_slider_finds_its_place_again(method, place):
    values = fields_at(BALANCES[method], place, DEFAULTS[method])
    assert position_of(BALANCES[method], values, DEFAULTS[method]) == pytest.approx(place, abs=3)


def test_a_method_without_such_fields_stays_in_the_middle():
    assert fields_at(None, 80, {}) == {}
    assert position_of(None, {}, {}) == DEFAULT
