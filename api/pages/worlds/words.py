"""The words of the pages about worlds in one language, by the names that their templates use."""

from functools import cache

from jobs.companion.wording import say
from jobs.kinds.world.inputs import MOST_POSTS, MOST_USERS

LONGEST_PROMPT = 4000


@cache
def world_words(locale: str) -> dict[str, str]:
    return {
        "new": say(locale, "world.new"),
        "none_yet": say(locale, "world.none_yet"),
        "prompt": say(locale, "world.prompt"),
        "prompt_how": say(locale, "world.prompt_how"),
        "prompt_example": say(locale, "world.prompt_example"),
        "how_many_people": say(locale, "world.how_many_people", most=MOST_USERS),
        "how_many_posts": say(locale, "world.how_many_posts", most=MOST_POSTS),
        "with_pictures": say(locale, "world.with_pictures"),
        "nothing_draws": say(locale, "world.nothing_draws"),
        "start": say(locale, "world.start"),
        "no_prompt": say(locale, "world.no_prompt"),
        "prompt_too_long": say(locale, "world.prompt_too_long", most=LONGEST_PROMPT),
        "people_wrong": say(locale, "world.people_wrong", most=MOST_USERS),
        "posts_wrong": say(locale, "world.posts_wrong", most=MOST_POSTS),
        "waits": say(locale, "world.waits"),
        "growing": say(locale, "world.growing"),
        "cancelling": say(locale, "world.cancelling"),
        "partial": say(locale, "world.partial"),
        "cancel": say(locale, "world.cancel"),
        "retry": say(locale, "world.retry"),
        "how_far": say(locale, "world.how_far"),
        "people": say(locale, "world.people"),
        "feed": say(locale, "world.feed"),
        "no_posts_yet": say(locale, "world.no_posts_yet"),
        "no_posts": say(locale, "world.no_posts"),
        "more_posts": say(locale, "world.more_posts"),
        "first_posts": say(locale, "world.first_posts"),
        "about": say(locale, "world.about"),
        "technology_level": say(locale, "world.technology_level"),
        "social_structure": say(locale, "world.social_structure"),
        "culture": say(locale, "world.culture"),
        "geography": say(locale, "world.geography"),
        "visual_style": say(locale, "world.visual_style"),
        "history": say(locale, "world.history"),
        "locations": say(locale, "world.locations"),
        "groups": say(locale, "world.groups"),
        "asked_for": say(locale, "world.asked_for"),
        "being_written": say(locale, "world.being_written"),
        "being_drawn": say(locale, "world.being_drawn"),
        "bio": say(locale, "world.bio"),
        "appearance": say(locale, "world.appearance"),
        "personality": say(locale, "world.personality"),
        "speaking_style": say(locale, "world.speaking_style"),
        "interests": say(locale, "world.interests"),
        "their_posts": say(locale, "world.their_posts"),
    }
