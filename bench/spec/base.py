"""The base of every part of paper.toml."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
