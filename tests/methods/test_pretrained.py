"""Files of networks from elsewhere: what is read, what is refused and why."""

import hashlib
import pickle

import pytest
import torch
from elsewhere import PRETRAINED, publish, toy_state
from toy import Toy, ToySettings, write_toys

from bench.methods.base import DataFacts
from bench.methods.catalog import find
from bench.methods.layouts import WeightLayout, choose
from bench.methods.pretrained import load_pretrained, read_state
from bench.util.errors import UserError

FACTS = DataFacts(16, 10)


@pytest.fixture
def entry(tmp_path):
    folder = write_toys(tmp_path / "toys") / "toypaper"
    (folder / "pretrained.py").write_text(PRETRAINED)
    return find([folder])["toypaper"]


def told(call, *words):
    with pytest.raises(UserError) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize("old", [False, True], ids=["zip", "old format"])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_wrappers_and_prefixes_are_taken_off(tmp_path, entry, old, prefix, wrapper):
    state = {prefix + key: value for key, value in toy_state().items()}
    content = {wrapper: state, "optimizer": {"step": 3}, "meta": {"epoch": 1}} if wrapper else state
    path = publish(tmp_path, content, _use_new_zipfile_serialization=not old)
    pretrained = load_pretrained(entry, [path])
    method = pretrained.build(pretrained.settings("smoke", "default", {}), FACTS)
    assert torch.equal(method.net.weight, toy_state()["generator.conv.weight"])
    assert torch.equal(method.net.bias, toy_state()["generator.conv.bias"])
    assert not method.net.training
    assert method.settings.brightness == 0.1
    assert pretrained.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_hash_in_a_name_is_held_against_the_file(tmp_path, entry):
    path = publish(tmp_path, toy_state())
    path.write_bytes(path.read_bytes() + b"\0")
    told(lambda: load_pretrained(entry, [path]), path.name, path.stem[-8:], "starts with")
    dated = path.rename(tmp_path / "toynet-20200619.pth")  # no hash, a date
    torch.save(toy_state(), dated)
    assert load_pretrained(entry, [dated]).label == "toynet-20200619"


def test_a_file_that_does_not_fit_says_which_keys_differ(tmp_path, entry):
    keys = {"generator.conv.weight": torch.ones(3, 4, 1, 1), "generator.conv.bias": None}
    more = {f"extra.{number}": torch.ones(1) for number in range(5)}
    pretrained = load_pretrained(entry, [publish(tmp_path, toy_state(**keys, **more))])
    told(
        lambda: pretrained.build({}, FACTS),
        pretrained.label,
        "toy of elsewhere",
        "1 missing (generator.conv.bias)",
        "5 unexpected (extra.0, extra.1, extra.2, ...)",
        "1 of another shape (generator.conv.weight is 3x4x1x1, not 3x3x1x1)",
    )


def test_another_layout_and_no_layout(tmp_path, entry):
    told(
        lambda: load_pretrained(entry, [publish(tmp_path, {"a.b": torch.ones(1)})]),
        "toy of elsewhere",
        "a.b",
        "toypaper",
    )
    told(lambda: load_pretrained(entry, [publish(tmp_path, {"meta": {"epoch": 1}})]), "no named weights")
    (entry.path / "pretrained.py").unlink()
    told(
        lambda: load_pretrained(entry, [tmp_path / "any.pth"]), "any.pth", "toypaper cannot load weights from elsewhere"
    )


class Bomb:
    """A pickle that does something when it is read."""

    def __reduce__(self):
        return pytest.fail, ("it ran",)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path, entry):
    path = publish(tmp_path, {"state_dict": toy_state(), "bomb": Bomb()})
    told(lambda: load_pretrained(entry, [path]), path.name, "would run", "state_dict alone")
    plain = tmp_path / "plain.p"
    plain.write_bytes(pickle.dumps(Bomb()))
    told(lambda: read_state(plain), plain.name, "not a file of plain weights", "state_dict alone")


def test_what_is_no_checkpoint(tmp_path):
    path = tmp_path / "page.pth"
    path.write_text("<html>Not found</html>")
    told(lambda: read_state(path), str(path), "not a file of plain weights")
    whole = publish(tmp_path, toy_state())
    whole.write_bytes(whole.read_bytes()[:-200])
    told(lambda: read_state(whole), str(whole), "not a complete PyTorch checkpoint")


def test_a_missing_file(tmp_path, entry):
    told(lambda: load_pretrained(entry, [tmp_path / "no.pth"]), "no.pth cannot be read")


def test_the_layout_that_fits_best_is_taken():
    common = {"source": "", "licence": ""}
    first = WeightLayout("first", keys={"net.a": "a", "net.b": "b", "net.n": "x.num_batches_tracked"}, **common)
    second = WeightLayout("second", keys={"net.a": "a", "net.b": "c"}, **common)
    given = dict.fromkeys(("a", "c"), torch.ones(1))
    assert choose([first, second], given, "m", "f") is second
    assert first.share(["a", "b"]) == 1.0


def test_counters_of_batch_norm_may_be_absent():
    net = torch.nn.BatchNorm2d(2)
    keys = {f"net.{key}": key for key in net.state_dict()}
    pretrained = WeightLayout("norm", source="", licence="", keys=keys)
    given = {"weight": torch.full((2,), 2.0), "bias": torch.ones(2), "running_mean": torch.ones(2) * 3,
             "running_var": torch.ones(2) * 4}  # fmt: skip
    pretrained.load({"net": net}, given, "f")
    assert all(torch.equal(net.state_dict()[key], value) for key, value in given.items())


class Pair(Toy):
    """Two networks that come in two files."""

    settings_class = ToySettings

    def __init__(self, settings, data):
        super().__init__(settings, data)
        self.other = torch.nn.Conv2d(3, 1, 1)

    def networks(self):
        return {"net": self.net, "other": self.other}


def test_networks_in_several_files(tmp_path, entry, monkeypatch):
    keys = {f"{ours}.{kind}": f"{role}/{kind}" for ours, role in (("net", "E"), ("other", "G")) for kind in
            ("weight", "bias")}  # fmt: skip
    roles = {role: f"*_net_{role}.pth" for role in "EG"}
    pair = WeightLayout("pair", source="", licence="", keys=keys, roles=roles, method=Pair)
    monkeypatch.setattr(type(entry), "layouts", lambda self: [pair])
    parts = {"E": torch.nn.Conv2d(3, 3, 1), "G": torch.nn.Conv2d(3, 1, 1)}
    for role, net in parts.items():
        torch.save(net.state_dict(), tmp_path / f"latest_net_{role}.pth")
    files = [tmp_path / f"latest_net_{role}.pth" for role in "GE"]
    method = load_pretrained(entry, files).build({}, FACTS)
    assert torch.equal(method.net.weight, parts["E"].weight)
    assert torch.equal(method.other.bias, parts["G"].bias)
    assert (
        load_pretrained(entry, files).sha256
        == load_pretrained(entry, files[::-1]).sha256
        != load_pretrained(entry, files).hashes[0]
    )
    told(
        lambda: load_pretrained(entry, files[:1]),
        "latest_net_G.pth",
        "*_net_E.pth and --weights *_net_G.pth",
        "each once",
    )
    told(lambda: load_pretrained(entry, [files[0], files[0]]), "each once")
    other = tmp_path / "renamed.pth"
    torch.save(parts["E"].state_dict(), other)
    told(lambda: load_pretrained(entry, [other]), "keep the published names")
