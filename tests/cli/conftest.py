import pytest
from toy import write_toys


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    """A folder for --include: the paper `toypaper`, the trained baselines `rival` and `other_rival`."""
    return write_toys(tmp_path_factory.mktemp("toys"))
