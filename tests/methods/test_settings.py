import pytest
from pydantic import Field

from bench.methods.base import Settings
from bench.methods.catalog import find
from bench.methods.settings import build, overrides, parse_sets, variant_name
from bench.util.errors import UserError


class Some(Settings):
    width: int = Field(default=8, ge=1)
    padding: str = "reflect"


def test_values_are_json_where_they_can_be():
    sets = parse_sets(["width=4", "padding=zeros", "dilations=[2, 4]", "gamma=null", "on=true"])
    assert sets == {"width": 4, "padding": "zeros", "dilations": [2, 4], "gamma": None, "on": True}


@pytest.mark.parametrize("pair", ["width", "=4", " =4"])
def test_a_pair_without_key_or_equals_is_told(pair):
    with pytest.raises(UserError, match="write --set KEY=VALUE"):
        parse_sets([pair])


def test_unknown_and_bad_settings_name_key_value_and_mend():
    with pytest.raises(UserError, match="someone has no setting 'widht'. Did you mean 'width'"):
        build(Some, {"widht": 4}, "someone")
    with pytest.raises(UserError, match="someone: setting width = 0: .*greater than or equal to 1"):
        build(Some, {"width": 0}, "someone")


def test_variant_goes_over_scale():
    paper = find()["fang2021"].paper()
    assert overrides(paper, "paper", "default") == paper.scales["paper"].settings
    with_variant = overrides(paper, "quick", "no_l1")
    assert with_variant.items() >= paper.variants["no_l1"].settings.items()
    with pytest.raises(UserError, match="no variant 'no_l2'. Did you mean"):
        overrides(paper, "quick", "no_l2")
    with pytest.raises(UserError, match="no scale 'quik'. Did you mean 'quick'"):
        overrides(paper, "quik", "default")
    with pytest.raises(UserError, match="a method without a paper.toml has none"):
        overrides(None, "quick", "no_l1")


def test_a_changed_run_never_passes_for_the_named_variant():
    assert variant_name("default", {}) == "default"
    assert variant_name("no_l1", {"width": 4, "padding": "zeros"}) == 'no_l1,padding="zeros",width=4'
