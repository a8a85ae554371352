import re

import pytest

from rescene.cli.commands import COMMANDS
from rescene.fields import field_docs
from rescene.methods import METHODS


def test_methods_are_listed_and_explained(run):
    listed = run("methods").out
    for name, kind in ((name, kind) for kinds in METHODS.values() for name, kind in kinds.items()):
        assert name in listed
        explained = " ".join(run("methods", name).out.split())
        for field, text in field_docs(kind).items():
            assert f"--{field.replace('_', '-')}" in explained
            assert text in explained


def test_an_unknown_method_is_guessed(run):
    ran = run("methods", "fatezer")
    assert ran.status == 2
    assert "did you mean 'fatezero'" in ran.err
    assert "did you mean 'i2vedit'" in run("methods", "i2vedti").err
    assert run("methods", "sora").err.strip() == "rescene: methods: unknown 'sora'"


def test_models_and_environment(run):
    assert re.search(r"^sd15\s+stable-diffusion-v1-5/", run("models").out, re.MULTILINE)
    told = run("env").out
    for name in ("python", "torch", "diffusers", "device", "cache"):
        assert re.search(rf"^{name}\s+\S", told, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run, command):
    ran = run(command, "--help")
    assert ran.status == 0
    assert f"rescene {command}" in ran.out
