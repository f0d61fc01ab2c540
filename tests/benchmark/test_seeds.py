import hashlib

import numpy as np

from benchmark.seeds import derive_seed, generator


def test_a_seed_is_the_first_63_bits_of_the_hash_of_its_axes():
    digest = hashlib.sha256(b'[1,"augmentation","scan"]').hexdigest()
    assert derive_seed(1, "augmentation", "scan") == int(digest[:16], 16) >> 1


def test_axes_do_not_run_into_each_other():
    assert len({derive_seed("a", "bc"), derive_seed("ab", "c"), derive_seed("abc"), derive_seed("a", "b", "c")}) == 4
    assert derive_seed(1) != derive_seed("1")


def test_a_generator_depends_on_its_axes_and_on_nothing_drawn_before():
    first = generator(3, "x").random(4)
    np.random.default_rng().random()
    np.testing.assert_array_equal(generator(3, "x").random(4), first)
    assert not np.array_equal(generator(3, "y").random(4), first)
