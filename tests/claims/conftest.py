import pytest
from docket import recorder


@pytest.fixture
def make(tmp_path):
    return recorder(tmp_path)
