"""The stages of a world, and what a world lacks, in words."""

from functools import cache

from jobs.companion.wording import say
from jobs.db.world.world_missing import Lack


@cache
def stage_names(locale: str) -> dict[str, str]:
    return {
        "description": say(locale, "world.stage_description"),
        "world_images": say(locale, "world.stage_world_images"),
        "character_batch": say(locale, "world.stage_character_batch"),
        "characters": say(locale, "world.stage_characters"),
        "avatars": say(locale, "world.stage_avatars"),
        "post_batches": say(locale, "world.stage_post_batches"),
        "posts": say(locale, "world.stage_posts"),
        "post_images": say(locale, "world.stage_post_images"),
    }


def lack_words(locale: str, lack: Lack, planned: int) -> str:
    """`planned`: how many there were to be of it."""
    if lack.what == "background":
        return say(locale, "world.lacks_background")
    if lack.what == "icon":
        return say(locale, "world.lacks_icon")
    return say(locale, "world.lacks", stage=stage_names(locale)[lack.what], count=lack.count, planned=planned)
