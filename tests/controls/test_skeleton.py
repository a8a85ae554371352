"""Skeletons: OpenPose's colours, joints where they are said to be, unsure ones left out."""

import numpy as np
import pytest

from rescene.controls.skeleton import CONFIDENCE, KEYPOINTS, LIMBS, colour, draw

SIZE = (64, 96)


def person(**places: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """One person, of whom only the joints with these numbers are seen."""
    points, scores = np.zeros((1, KEYPOINTS, 2)), np.zeros((1, KEYPOINTS))
    for name, place in places.items():
        points[0, int(name[1:])], scores[0, int(name[1:])] = place, 1
    return points, scores


def test_colours_are_openposes():
    published = [(255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0)]
    assert [colour(index) for index in range(6)] == published
    assert colour(9) == (0, 255, 255)
    assert colour(17) == (255, 0, 85)


def test_every_joint_belongs_to_a_limb():
    assert {joint for limb in LIMBS for joint in limb} == set(range(KEYPOINTS))


def test_a_joint_is_a_dot_of_its_colour():
    frame = draw(SIZE, *person(j4=(30, 20)))
    assert tuple(frame[20, 30]) == colour(4)
    assert not frame[40:].any()


def test_a_limb_joins_two_joints_and_needs_both():
    both = draw(SIZE, *person(j2=(20, 30), j3=(60, 30)))
    assert both[30, 40].any()
    assert np.allclose(both[30, 40], np.array(colour(LIMBS.index((2, 3)))) * 0.6, atol=1)
    assert not draw(SIZE, *person(j2=(20, 30), j4=(60, 30)))[30, 40].any()


def test_unsure_joints_are_left_out():
    points, scores = person(j4=(30, 20))
    assert not draw(SIZE, points, scores * (CONFIDENCE - 0.01)).any()
    assert draw(SIZE, points, scores * CONFIDENCE).any()


def test_nobody_is_black():
    assert not draw(SIZE, np.zeros((0, KEYPOINTS, 2)), np.zeros((0, KEYPOINTS))).any()


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_dots_grow_with_the_frame(side):
    frame = draw((side, side), *person(j0=(side // 2, side // 2)))
    area = frame.any(-1).sum() / side**2
    assert area == pytest.approx(np.pi * (4 / 512) ** 2, rel=0.7)
