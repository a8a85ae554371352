"""The type checker of the tests: beartype, to which ints are floats, as to Python itself (PEP 484)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
