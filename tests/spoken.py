"""What every claim must say, for tests in which it does not matter."""

from typing import Any

SAID = {"basis": "stated", "objection": "Another seed.", "answer": "More seeds."}
NOT_SAID = {"holes": "not said", "opponents": "not said", "measure": "not said"}


def spoken(claim: dict[str, Any]) -> dict[str, Any]:
    """The claim with its basis, an objection and its answer, and its sentence's scope."""
    if claim["kind"] == "judgement":
        return claim
    scope = {} if claim["kind"] in ("cell", "arithmetic") else {"scope": NOT_SAID}
    return SAID | scope | claim
