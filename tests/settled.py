"""A paper of toys whose claims two trainings can answer."""

from toy import PAPER, write_toys

QUICK = """
[scales.quick]
summary = "Few steps, and images enough to be evidence."
cost = "a second"
settings = { steps = 4 }
protocol = { data = ["faces"], resolution = 16, images = 600, test_images = 60, mask_sets = ["center"] }
rivals = { rival = { steps = 4 } }
"""


def claim(name, better, worse, metric="psnr", mask_set="center"):
    return f"""
[[claims]]
id = "{name}"
kind = "order"
section = "1"
statement = "{name}"
scope = {{ holes = "not said", opponents = "not said", measure = "not said" }}
basis = "stated"
objection = "Another seed."
answer = "More seeds."
better = "{better}"
worse = "{worse}"
metric = "{metric}"
mask_sets = ["{mask_set}"]
"""


CLAIMS = "".join(
    [
        claim("darker", "variant:default", "variant:brighter"),
        claim("slower", "variant:default", "variant:faster"),
        claim("floors", "best floor", "variant:default"),
        claim("looks", "variant:default", "method:rival", "lpips"),
        claim("shapes", "variant:default", "method:rival", mask_set="shapes"),
    ]
)


def write_paper(folder):
    """The toys, with a quick scale and more claims."""
    write_toys(folder)
    text = PAPER.replace("\n[scales.smoke]", CLAIMS + "\n[scales.smoke]")
    text = text.replace('\n[scales.quick]\nsummary = "As smoke."\ncost = "a second"\n', QUICK)
    (folder / "toypaper" / "paper.toml").write_text(text)
    return folder
