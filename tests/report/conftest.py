import pytest
from invented import invent, paper, protocol


@pytest.fixture(scope="session")
def studio(tmp_path_factory, cache):
    """Records of a paper `p` with two seeds and a variant, and of two floors; eight faces, two mask sets."""
    out = tmp_path_factory.mktemp("studio")
    asked = protocol(mask_sets=("center", "random"), probes=("repeat", "perturb"))
    invent(out, cache, "flat", asked, blur=12, noise=0)
    invent(out, cache, "smooth", asked, blur=4, noise=0)
    invent(out, cache, "p", asked, blur=1.5, noise=2, steps=40, exact=1)
    invent(out, cache, "p", asked, blur=1.5, noise=2, steps=40, seed=1)
    invent(out, cache, "p", asked, blur=2, noise=2, steps=40, variant="other", drop=2.0)
    return out


@pytest.fixture
def records(studio):
    from bench.runs.records import find_records

    return find_records(studio)


@pytest.fixture(scope="session")
def small_paper():
    return paper()
