"""What a world, one of its people and a post may look like, for the documentation."""

from typing import Any

WORLD_ID = "0197a3d2-6f2e-7c1b-9e0a-3f5b8f0f9a10"
LINK = "/v1/media/{}?expires=1794000000&signature=kq0v"
BACKGROUND, ICON, AVATAR, IMAGE = (
    LINK.format(f"5f0c2f7e-1d0b-4a55-8a3c-00000000000{number}") for number in range(1, 5)
)

WORLD_EXAMPLE: dict[str, Any] = {
    "id": WORLD_ID,
    "status": "completed",
    "partial": True,
    "cancelling": False,
    "error": None,
    "prompt": "A harbour town on the back of a sleeping whale",
    "users": 5,
    "posts": 20,
    "pictures": True,
    "language": "English",
    "name": "Cetra",
    "description": "A town of rope bridges and salt lamps that moves whenever the whale below it turns in its sleep.",
    "theme": "Living with something larger than oneself",
    "technology_level": "Sails, clockwork and tame lightning",
    "social_structure": "Guilds that take turns to steer",
    "culture": "Everything is sung first and written down later",
    "geography": "One mile of back, two lagoons, and the open sea",
    "visual_style": "Wet timber, lantern light, long blue shadows",
    "history": "Founded by the crew of a ship that ran aground on what it took for an island.",
    "notable_locations": [{"name": "The Blowhole", "description": "A geyser, a market and a court of law."}],
    "social_groups": [
        {"name": "Riggers", "description": "They hold the town together.", "roles": ["rope maker", "lamp keeper"]}
    ],
    "background_url": BACKGROUND,
    "icon_url": ICON,
    "created_at": "2026-05-01T09:30:00Z",
    "finished_at": "2026-05-01T09:34:10Z",
    "expires_at": "2026-05-08T09:34:10Z",
    "urls": {
        "self": f"/v1/worlds/{WORLD_ID}",
        "characters": f"/v1/worlds/{WORLD_ID}/characters",
        "posts": f"/v1/worlds/{WORLD_ID}/posts",
        "job": f"/v1/jobs/{WORLD_ID}",
        "events": f"/v1/jobs/{WORLD_ID}/events",
        "page": f"/worlds/{WORLD_ID}",
    },
    "stages": [
        {"stage": "description", "status": "completed", "planned": 1, "done": 1, "failed": 0},
        {"stage": "posts", "status": "completed", "planned": 20, "done": 19, "failed": 1},
    ],
    "counters": {
        "users": {"planned": 5, "made": 5},
        "avatars": {"planned": 5, "made": 5},
        "posts": {"planned": 20, "made": 19},
        "post_images": {"planned": 12, "made": 12},
    },
    "calls": {
        "llm": {"made": 33, "in_flight": 4, "max_concurrent": 15},
        "image": {"made": 0, "in_flight": 0, "max_concurrent": 10},
    },
    "missing": [
        {
            "what": "posts",
            "count": 1,
            "positions": [7],
            "words": "Posts: 1 of 20 missing. The language model took too long.",
            "error": {"code": "llm_timeout", "detail": "The language model took too long."},
        }
    ],
}
CHARACTER_EXAMPLE: dict[str, Any] = {
    "id": "4b8b1f3a-7a51-5c8f-9d57-2f4f5a7d9e01",
    "position": 1,
    "username": "salt_and_wick",
    "role": "lamp keeper",
    "social_group": "Riggers",
    "concept": "Counts the lamps each night and has begun to suspect that one moves.",
    "posts": 4,
    "display_name": "Oda Wick",
    "bio": "Forty-one lamps, one ladder. Ask me about the forty-second.",
    "appearance": "Short, wind-burnt, with a burn scar across the left hand and a coat of patched sailcloth.",
    "personality": "Dry, patient, secretly sentimental about light.",
    "avatar_description": "Portrait of a short woman in a patched sailcloth coat, lit from below by a brass lamp.",
    "interests": ["lamp oil", "tides", "bad poetry"],
    "speaking_style": "Short sentences. Numbers where others use adjectives.",
    "avatar_url": AVATAR,
    "written_at": "2026-05-01T09:31:02Z",
}
POST_EXAMPLE: dict[str, Any] = {
    "id": "9f7e0c35-0f3d-5b7a-8a35-6d1a0c5b7e02",
    "position": 1,
    "character_id": CHARACTER_EXAMPLE["id"],
    "username": CHARACTER_EXAMPLE["username"],
    "concept": "The first count that does not add up.",
    "has_image": True,
    "content": "Counted forty-two tonight. Counted again from the other side: forty-one. #NightShift",
    "image_prompt": "A row of brass lamps on a rope bridge at night, one of them a little out of line, fog, low angle.",
    "hashtags": ["NightShift", "TheFortySecond"],
    "mood": "Uneasy",
    "context": "Her round of the lamps on a foggy night.",
    "image_url": IMAGE,
    "written_at": "2026-05-01T09:31:40Z",
}
