"""What holds of a world's numbers and names whatever is asked for, and whatever a model calls its people."""

import re
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from jobs.worlds.language import is_kept, is_same, script
from jobs.worlds.names import LONGEST, alike, free, hashtags, username
from jobs.worlds.plans import places, post_positions, seats

GROUPS = st.lists(
    st.fixed_dictionaries({"name": st.text(min_size=1), "roles": st.lists(st.text(), min_size=1, max_size=4)}),
    min_size=1,
    max_size=5,
    unique_by=lambda group: group["name"],
)


@given(groups=GROUPS, users=st.integers(1, 50), posts=st.integers(0, 500))
def test_every_post_has_one_author_and_every_group_its_people(
    groups: list[dict[str, object]], users: int, posts: int
) -> None:
    planned = places(groups, users, posts)
    assert [each.position for each in planned] == list(range(1, users + 1))
    stand = sorted(position for each in planned for position in post_positions(each.position, users, posts))
    assert stand == list(range(1, posts + 1))
    shares = [each.posts for each in planned]
    assert sum(shares) == posts
    assert max(shares) - min(shares) <= 1
    sizes = [sum(each.social_group == group["name"] for each in planned) for group in groups]
    assert max(sizes) - min(sizes) <= 1, "spread evenly over the groups"
    for place in planned:
        assert {(post - 1) % users + 1 for post in post_positions(place.position, users, posts)} <= {place.position}


@given(st.lists(st.text(max_size=60), max_size=40))
def test_usernames_are_plain_and_each_is_there_once(wanted: list[str]) -> None:
    names: list[str] = []
    for position, each in enumerate(wanted, 1):
        names.append(free(username(each, position), names))
    assert len(set(names)) == len(wanted)
    assert all(re.fullmatch(f"[a-z0-9_]{{1,{LONGEST}}}", name) for name in names)


@dataclass(frozen=True)
class Person:
    place: int


@given(st.lists(st.integers(0, 9).map(Person), max_size=8))
def test_who_names_a_free_place_gets_it_and_the_others_what_is_left(people: list[Person]) -> None:
    seated = seats(range(1, 9), people)
    assert sorted(map(id, seated.values())) == sorted(map(id, people))
    assert set(seated) <= set(range(1, 9))
    named = {each.place for each in people} & set(range(1, 9))
    assert all(seated[place].place == place for place in named)


def test_names_stay_what_they_were_where_they_can() -> None:
    assert username("Neural_Flux", 1) == "neural_flux"
    assert username("@Аня Щукина", 1) == "anya_shchukina"
    assert username("李明", 4) == "user_4"
    assert (alike("@Neo ") == alike("neo"), alike("李明") == alike("王芳")) == (True, False)
    assert free("neo", ["neo", "neo_2"]) == "neo_3"
    assert hashtags(["#SynapticShift", "Лунный свет", "synapticshift", "#"]) == ["SynapticShift", "Лунныйсвет"]


def test_hashtags_of_hindi_and_thai_had_lost_their_vowels() -> None:
    assert hashtags(["#हिन्दी", "# สวัสดี"]) == ["हिन्दी", "สวัสดี"]


def test_the_letters_of_the_request_are_kept() -> None:
    assert (script("Киберпанк"), script("日本の町"), script("42!")) == ("CYRILLIC", "CJK", None)
    # nobody answers in the forms of letters that some like to ask in: such a world failed
    assert (script("𝔄 𝔱𝔬𝔴𝔫"), script("ｔｏｗｎ"), script("ﾆﾎﾝ")) == ("LATIN", "LATIN", "CJK")
    assert is_kept("Киберпанк мир", "Город под дождём, CPU и GPU", "Russian")
    assert not is_kept("Киберпанк мир", "A town in the rain", "Russian")
    assert is_kept("A world, described in Russian", "Город под дождём", "Russian")
    assert not is_same("Город под дождём", "A town in the rain", "Russian")
    english = "The night trains of the upper town leave with the tide, and nobody knows which of them return."
    assert not is_same("Die Nachtzüge", english, "German")
    assert is_same("The night trains", english, "English")
    assert is_same(
        "Die Nachtzüge", "Am Turm The Synapse trifft Aria The Fox; die Nachtzüge fahren heute nicht.", "German"
    )
