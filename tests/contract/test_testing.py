"""The pytest helper, as somebody else's package uses it: a decorator, and a test that calls `check`."""

import pytest
from toy import write_toys

from bench.contract.methods import CHECKS
from bench.contract.papers import PAPER_CHECKS
from bench.contract.testing import parametrize_with_checks
from bench.util.errors import UserError


@pytest.fixture
def parts(tmp_path):
    """What the decorator gives pytest for the toys, of which the paper's scale `paper` is not as printed."""
    toys = write_toys(tmp_path / "toys")
    toml = toys / "toypaper" / "paper.toml"
    toml.write_text(toml.read_text().replace("[scales.paper]\n", "[scales.paper]\nsettings = { steps = 7 }\n"))
    mark = parametrize_with_checks(toys).mark
    assert mark.args[0] == "check"
    return dict(zip(mark.kwargs["ids"], mark.args[1], strict=True))


def test_each_check_of_each_method_there_is_a_test(parts):
    expected = {f"toypaper-{check.__name__}" for check in (*PAPER_CHECKS, *CHECKS)}
    expected |= {f"{key}-{check.__name__}" for key in ("rival", "other_rival") for check in CHECKS}
    assert parts.keys() == expected


def test_a_check_passes_or_says_where_and_what(parts):
    parts["toypaper-names_are_known"]()
    parts["toypaper-every_variant_fits_every_scale"]()
    parts["toypaper-known_pixels_stay"]()
    with pytest.raises(AssertionError, match=r"toml, line \d+: .*: 7 is not the method as printed \(6\)"):
        parts["toypaper-paper_scale_is_as_printed"]()


def test_a_folder_without_a_method_is_refused(tmp_path):
    with pytest.raises(UserError, match="no folder with paper.toml and method.py"):
        parametrize_with_checks(tmp_path)
