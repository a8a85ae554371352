import pytest

from rescene.app.balance import DEFAULT, ENDS, fields_at, position_of
from rescene.app.fields import inputs
from rescene.methods import METHODS

DEFAULTS = {name: {each.name: each.default for each in inputs(kind)} for name, kind in METHODS.items()}


@pytest.mark.parametrize("method", ENDS)
def test_the_middle_is_the_published_method(method):
    assert fields_at(method, DEFAULT, DEFAULTS[method]) == {
        name: DEFAULTS[method][name] for name in ENDS[method]
    }


@pytest.mark.parametrize("method", ENDS)
def test_the_ends_are_reached_and_are_valid(method):
    keep, follow = (fields_at(method, place, DEFAULTS[method]) for place in (0, 100))
    assert keep == {name: ends[0] for name, ends in ENDS[method].items()}
    assert follow == {name: ends[1] for name, ends in ENDS[method].items()}


@pytest.mark.parametrize("method", ENDS)
@pytest.mark.parametrize("place", [0, 25, 50, 80, 100])
def test_the_slider_finds_its_place_again(method, place):
    values = fields_at(method, place, DEFAULTS[method])
    assert position_of(method, values, DEFAULTS[method]) == pytest.approx(place, abs=3)


def test_a_method_without_such_fields_stays_in_the_middle():
    assert fields_at("unknown", 80, {}) == {}
    assert position_of("unknown", {}, {}) == DEFAULT
