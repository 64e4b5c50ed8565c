"""The README.txt of an exported folder."""

from bench.exchange.layout import Manifest


def readme(manifest: Manifest) -> str:
    """What is where, and how two well-known tools read it."""
    lines = [
        f"{len(manifest.pictures)} pictures of the data set {manifest.protocol.data_name},"
        f" {manifest.protocol.resolution}x{manifest.protocol.resolution}, exported by inpaint-bench.",
        "",
        "truth/NAME.png            the original pictures: for scoring, not for the tool",
        "MASK_SET/images/NAME.png  the damaged pictures, black in the hole",
        "MASK_SET/masks/NAME.png   the holes, white = missing",
        "MASK_SET/lama/            the same as pairs NAME.png, NAME_mask.png",
        "",
        "Run the tool on every damaged picture and save its output as PNG, under the same name and at the same size:",
        "OUT/MASK_SET/NAME.png, or OUT/MASK_SET/NAME_mask.png as LaMa writes it. For instance (DIR is the full path of",
        "this folder, OUT that of a new one):",
        "",
    ]
    for place in manifest.protocol.mask_set_names:
        lines += [
            f"    iopaint run --model=lama --image=DIR/{place}/images --mask=DIR/{place}/masks --output=OUT/{place}",
            f"    python3 bin/predict.py model.path=MODEL indir=DIR/{place}/lama outdir=OUT/{place}   # LaMa",
        ]
    lines += [
        "",
        "Then:",
        "",
        "    python -m bench score DIR --predictions OUT --name NAME_OF_THE_METHOD",
    ]
    return "\n".join(lines) + "\n"
