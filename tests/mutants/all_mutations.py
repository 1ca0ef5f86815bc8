"""All mutations, in the order in which they are tried."""

from __future__ import annotations

from tests.mutants import (
    closing_rules,
    descriptor_rules,
    face_rules,
    framing_rules,
    handler_rules,
    operation_rules,
    peer_rules,
    presence_rules,
    security_rules,
    turn_rules,
    waiting_rules,
)
from tests.mutants.mutation import Mutation

__all__ = ["MUTATIONS"]

MUTATIONS: list[Mutation] = [
    *descriptor_rules.MUTATIONS,
    *closing_rules.MUTATIONS,
    *waiting_rules.MUTATIONS,
    *turn_rules.MUTATIONS,
    *peer_rules.MUTATIONS,
    *handler_rules.MUTATIONS,
    *face_rules.MUTATIONS,
    *framing_rules.MUTATIONS,
    *presence_rules.MUTATIONS,
    *operation_rules.MUTATIONS,
    *security_rules.MUTATIONS,
]
