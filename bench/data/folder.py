"""`folder=PATH`: any tree of pictures."""

from pathlib import Path

from bench.data.listing import Listing, by_id, contents, of_files, pictures_in
from bench.data.protocol import Protocol
from bench.data.split import as_given, by_hash
from bench.util.errors import UserError

VALIDATION = ("val", "valid", "validation")


def listing(protocol: Protocol, root: Path) -> Listing:
    """Ids are paths below `root`. Its own train/ and test/ (or val/) are the split; else ids are split by hash."""
    sides = own_sides(root)
    files = by_id(pictures_in(root), lambda file: file.relative_to(root).as_posix())
    if not files:
        raise UserError(f"{root} has no pictures in it; found: {contents(root)}. Use a folder with PNG or JPEG files.")
    if sides is None:
        split, rule = (
            by_hash(files, protocol),
            f"hash order, {':'.join(map(str, protocol.split))} train:test:validation",
        )
    else:
        train, test = ([name for name in files if name.startswith(f"{side}/")] for side in sides)
        split = as_given(train, test, len(files) - len(train) - len(test), protocol)
        rule = f"the folder's own {sides[0]}/ and {sides[1]}/; other pictures set aside"
    about = {"split": rule, "licences": ["the user's own pictures: not known here"], "notes": []}
    return of_files(root, files, split, protocol, about)


def own_sides(root: Path) -> tuple[str, str] | None:
    """The names of the train and test folders, where `root` has both. Validation is the test side if test/ lacks."""
    tests = [name for name in ("test", *VALIDATION) if (root / name).is_dir()]
    return ("train", tests[0]) if tests and (root / "train").is_dir() else None
