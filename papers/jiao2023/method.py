"""GLCIC with other networks. Where it differs from the text: the ledger in paper.toml (J-..)."""

from baselines.glcic.method import Glcic
from baselines.glcic.networks import Style

from .networks import style
from .settings import JiaoSettings


class Jiao2023(Glcic):
    """Gated completion network, spectrally normalised dual discriminator (Jiao et al.)."""

    settings_class = JiaoSettings
    settings: JiaoSettings

    def style(self) -> Style:
        return style(self.settings)


METHOD = Jiao2023
