"""How often each kind is tried: by what is lost when it is given up."""

from jobs.kinds import registry
from jobs.kinds.attempts import CRITICAL, DUTY, OTHER

# what somebody asked for, or without which a branch is lost
ASKED_FOR = {
    "broadcast", "broadcast_part", "export_person", "extract_document", "generate_character_batch", "generate_image",
    "generate_image_prompt", "generate_reply", "generate_world_description", "init_world_creation", "merge_findings",
    "regenerate_reply", "replay_deliveries", "run_ollama_analysis",
}  # fmt: skip
# the rest goes on without them
DISPENSABLE = {
    "analyse_part", "generate_character", "generate_character_avatar", "generate_post", "generate_post_batch",
    "generate_post_image", "generate_world_image", "make_report", "summarize_dialog",
}  # fmt: skip
MONEY_AND_ERASURE = {"erase_person", "reconcile_stars", "refund_stars"}


def test_critical_kinds_have_four_attempts_others_two_and_duties_twenty() -> None:
    assert (CRITICAL, OTHER, DUTY) == (4, 2, 20)
    tries = {name: kind.ATTEMPTS for name, kind in registry.KINDS.items()}
    assert {name for name, count in tries.items() if count == CRITICAL} >= ASKED_FOR
    assert {name for name, count in tries.items() if count == OTHER} >= DISPENSABLE
    assert {name for name, count in tries.items() if count == DUTY} == MONEY_AND_ERASURE
    assert set(tries.values()) == {CRITICAL, OTHER, DUTY}
