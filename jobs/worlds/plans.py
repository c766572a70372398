"""Who will there be in a world, and who posts what: planned by numbers, so that they hold whatever a model writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar


@dataclass(frozen=True)
class Place:
    """Of one person in the world's society. `posts`: how many they write."""

    position: int
    social_group: str
    role: str
    posts: int


def places(social_groups: Sequence[dict[str, Any]], users: int, posts: int) -> list[Place]:
    """Over all groups in turn, and in each group over all its roles in turn."""
    found = []
    for index in range(users):
        group = social_groups[index % len(social_groups)]
        roles = group["roles"]
        role = roles[index // len(social_groups) % len(roles)]
        found.append(Place(index + 1, group["name"], role, len(post_positions(index + 1, users, posts))))
    return found


class Seated(Protocol):
    @property
    def place(self) -> int: ...


Person = TypeVar("Person", bound=Seated)


def seats(positions: Iterable[int], people: Iterable[Person]) -> dict[int, Person]:
    """Who gets which position: the one that they name, and who names none that is free gets the first that is left."""
    left = sorted(positions)
    seated: dict[int, Person] = {}
    standing = []
    for person in people:
        if person.place in left:
            seated[person.place] = person
            left.remove(person.place)
        else:
            standing.append(person)
    return seated | dict(zip(left, standing, strict=False))


def post_positions(position: int, users: int, posts: int) -> list[int]:
    """Where in the world's feed the posts of the person at `position` stand: people post in turns."""
    return list(range(position, posts + 1, users))
