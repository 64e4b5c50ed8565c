"""The base of every typed part of a file that we read or write."""

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Frozen; an unknown key is an error; docstrings become the descriptions of the published schema."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
