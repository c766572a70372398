"""STARS_PACKS and the prices: what an operator may write, and what they are told about the rest."""

import pytest

from jobs.errors import Misconfigured
from jobs.settings import EconomySettings, StarsPack, load


@pytest.mark.parametrize(
    ("written", "packs"),
    [
        ("50:60 diamonds", [StarsPack(50, 60, "diamonds")]),
        (" 50 : 60diamonds ,25:100 energy ", [StarsPack(50, 60, "diamonds"), StarsPack(25, 100, "energy")]),
        ("none", []),
    ],
)
def test_packs(monkeypatch: pytest.MonkeyPatch, written: str, packs: list[StarsPack]) -> None:
    monkeypatch.setenv("STARS_PACKS", written)
    assert load(EconomySettings).packs == packs


@pytest.mark.parametrize(
    "written",
    ["50", "50:60", "0:60 diamonds", "50:0 energy", "50:60 gold", "-5:6 energy", "50:60 diamonds,", "100001:1 energy",
     "50:60 diamonds, 50:70 diamonds", ",".join(f"{stars}:1 energy" for stars in range(1, 22))],
)  # fmt: skip
def test_what_is_no_pack_is_named(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("STARS_PACKS", written)
    with pytest.raises(Misconfigured, match=r"^STARS_PACKS is not valid: "):
        load(EconomySettings)


@pytest.mark.parametrize(("name", "text"), [("PRICE_REPLY", "-1"), ("ENERGY_REFILL_SECONDS", "0"), ("ENERGY_MAX", "x")])
def test_a_wrong_price_is_named(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(Misconfigured, match=f"^{name} is not valid"):
        load(EconomySettings)


def test_there_is_something_for_sale_by_default() -> None:
    assert {pack.unit for pack in EconomySettings(_env_file=None).packs} == {"energy", "diamonds"}
