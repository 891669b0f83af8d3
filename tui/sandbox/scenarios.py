"""Failures to rehearse, by name: each makes the sandbox go wrong in one way AWS does, until it is started without."""

from __future__ import annotations

from enum import StrEnum


class Scenario(StrEnum):
    """What goes wrong."""

    ROLE = "role"
    FORMAT = "format"
    CAPACITY = "capacity"
    TRAINING = "training"
    QUOTA = "quota"
    STUCK = "stuck"
    COMMITMENT = "commitment"


MEANING = {
    Scenario.ROLE: "Bedrock cannot assume the role of a job",
    Scenario.FORMAT: "the data of a job are found wrong when they are validated",
    Scenario.CAPACITY: "capacity to train never comes: jobs stay queued",
    Scenario.TRAINING: "training breaks off with an error of the service",
    Scenario.QUOTA: "the account has no model units",
    Scenario.STUCK: "provisioned throughput never leaves Creating, and bills",
    Scenario.COMMITMENT: "every throughput counts as committed: AWS refuses to delete it",
}


def explained() -> str:
    """All of them in one sentence, for the help of a command."""
    return "; ".join(f"{name} ({MEANING[name]})" for name in Scenario)
