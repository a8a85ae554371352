"""The vocabulary covers every caption and names what it does not cover."""

from rescene.world import OBJECTS, STYLES, Scene, unknown_words, vocabulary


def test_captions_hold_no_unknown_word():
    for seed in range(200):
        assert unknown_words(Scene.random(seed).caption) == ()


def test_unknown_words_are_named_once_and_in_order():
    assert unknown_words("a Porsche car, parked near a porsche") == ("porsche", "parked", "near")


def test_the_vocabulary_lists_everything():
    text = vocabulary()
    assert all(word in text for word in (*OBJECTS, *STYLES))
