"""Words from which the stand-in for Gemini makes its worlds, in three languages."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """`whom`, `does`, `what` and `where` make a sentence in this order."""

    language: str
    first_names: Sequence[str]
    last_names: Sequence[str]
    places: Sequence[str]
    themes: Sequence[str]
    moods: Sequence[str]
    roles: Sequence[str]
    whom: Sequence[str]
    does: Sequence[str]
    what: Sequence[str]
    where: Sequence[str]

    def name(self, dice: random.Random) -> str:
        return f"{dice.choice(self.places)} {dice.choice(self.last_names)}"

    def person(self, dice: random.Random) -> str:
        return f"{dice.choice(self.first_names)} {dice.choice(self.last_names)}"

    def sentences(self, dice: random.Random, count: int) -> str:
        return " ".join(self._sentence(dice) for _ in range(count))

    def _sentence(self, dice: random.Random) -> str:
        return " ".join(dice.choice(part) for part in (self.whom, self.does, self.what, self.where)) + "."


ENGLISH = Words(
    language="English",
    first_names=("Aria", "Tomas", "Ilse", "Noor", "Vasco", "Petra", "Jun", "Odile", "Marek", "Selma", "Kofi", "Runa"),
    last_names=("Vale", "Ormond", "Quill", "Sato", "Brandt", "Okoye", "Lind", "Marsh", "Tern", "Ash", "Corvo", "Wren"),
    places=("Nebulon", "Harbour", "Glasshollow", "Tidewall", "Ember", "Lowlight", "Copperfield", "Saltmere", "Nine"),
    themes=("rain markets", "old machines", "night trains", "glass gardens", "tide clocks", "lost songs", "paper maps"),
    moods=("calm", "restless", "proud", "amused", "hopeful", "tired", "curious", "stubborn", "tender", "wary"),
    roles=("weaver", "pilot", "archivist", "broker", "medic", "gardener", "smuggler", "tuner", "clerk", "diver"),
    whom=("A lamplighter", "The council", "An old engineer", "Everybody", "A quiet courier", "The night shift"),
    does=("repairs", "trades", "guards", "sings about", "forgets", "paints", "argues over", "listens to"),
    what=("the bells of the upper town", "a stolen map", "machines that dream", "the last orchard", "glass letters"),
    where=(
        "above the tide wall",
        "in the rain market",
        "under nine bridges",
        "behind the glass dome",
        "at first light",
    ),
)

RUSSIAN = Words(
    language="Russian",
    first_names=("Ария", "Тимур", "Ильза", "Нора", "Захар", "Вера", "Юна", "Лев", "Марк", "Сельма", "Агата", "Руна"),
    last_names=("Вейл", "Орлан", "Перо", "Сато", "Брандт", "Окое", "Линд", "Марш", "Крачка", "Ясень", "Корво", "Север"),
    places=("Небулон", "Гавань", "Стекольная", "Приливная", "Янтарь", "Полутьма", "Медное", "Солёное", "Девятая"),
    themes=("рынки дождя", "старые машины", "ночные поезда", "сады из стекла", "часы прилива", "забытые песни"),
    moods=("спокойно", "тревожно", "гордо", "весело", "с надеждой", "устало", "с любопытством", "упрямо", "нежно"),
    roles=("ткач", "пилот", "архивариус", "посредник", "врач", "садовник", "контрабандист", "настройщик", "ныряльщик"),
    whom=("Фонарщик", "Старый инженер", "Каждый второй", "Тихий курьер", "Ночной сторож", "Хранитель мостов"),
    does=("чинит", "меняет", "охраняет", "воспевает", "забывает", "рисует", "слушает"),
    what=("колокола верхнего города", "украденную карту", "машины, которые видят сны", "последний сад", "письма"),
    where=("над стеной прилива", "на рынке дождя", "под девятью мостами", "за стеклянным куполом", "на рассвете"),
)

GERMAN = Words(
    language="German",
    first_names=("Anke", "Jonas", "Ilse", "Bernd", "Käthe", "Rüdiger", "Lotte", "Malte", "Greta", "Hannes", "Wiebke"),
    last_names=("Vogel", "Lindner", "Brandt", "Kranich", "Esche", "Nordmann", "Sato", "Feder", "Weide", "Sturm"),
    places=("Nebelhafen", "Glasgrund", "Deichstadt", "Glutheim", "Kupferfeld", "Salzmoor", "Neunbrücken", "Dämmertal"),
    themes=("Regenmärkte", "alte Maschinen", "Nachtzüge", "Gärten aus Glas", "Gezeitenuhren", "vergessene Lieder"),
    moods=("ruhig", "unruhig", "stolz", "heiter", "hoffnungsvoll", "müde", "neugierig", "stur", "zärtlich"),
    roles=("Weberin", "Pilot", "Archivarin", "Vermittler", "Ärztin", "Gärtner", "Schmugglerin", "Stimmer", "Taucherin"),
    whom=("Eine Laternenwärterin", "Der Rat", "Ein alter Ingenieur", "Jeder zweite", "Ein stiller Kurier"),
    does=("repariert", "tauscht", "bewacht", "besingt", "vergisst", "malt", "belauscht"),
    what=("die Glocken der oberen Stadt", "eine gestohlene Karte", "träumende Maschinen", "den letzten Obstgarten"),
    where=("über der Flutmauer", "auf dem Regenmarkt", "unter neun Brücken", "hinter der Glaskuppel", "im Morgenlicht"),
)

LANGUAGES = {"en": ENGLISH, "ru": RUSSIAN, "de": GERMAN}
