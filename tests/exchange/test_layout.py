from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.exchange.layout import file_name, read_manifest
from bench.util.errors import UserError


@given(st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=50))
def test_a_name_gives_back_its_id_and_troubles_no_file_system_or_tool(image_id):
    name = file_name(image_id)
    assert len(name.encode()) <= 180
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert not name.startswith(".")
    assert "mask" not in name
    if "~" not in name:
        assert unquote(name) == image_id


def test_long_ids_stay_apart():
    names = {file_name("é" * 200 + end) for end in ("a", "b", "c")}
    assert len(names) == 3
    assert max(map(len, names)) <= 180


def test_plain_ids_stay_as_they_are():
    assert file_name("face-000007") == "face-000007"
    assert file_name("d0/a mask.jpg") == "d0%2Fa %6Dask.jpg"


def test_a_folder_that_is_no_finished_export(tmp_path):
    with pytest.raises(UserError, match="not a finished export"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": 7}')
    with pytest.raises(UserError, match="format 7"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": 1}')
    with pytest.raises(UserError, match="damaged at scale"):
        read_manifest(tmp_path)
