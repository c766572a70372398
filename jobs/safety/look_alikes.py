"""Which characters are drawn to look like a letter: small capitals, letters in boxes, other alphabets, digits."""

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def _row(first: str) -> dict[int, str]:
    """Twenty-six characters in the order of the alphabet."""
    return {ord(first) + number: letter for number, letter in enumerate(ALPHABET)}


def _pairs(strange: str, plain: str) -> dict[int, str]:
    return {ord(each): letter for each, letter in zip(strange, plain, strict=True)}


# what is never meant as itself in English or Russian
PLAIN: dict[int, str] = {
    **_row("🇦"),
    **_row("🅰"),
    **_row("🅐"),
    **_row("🄰"),
    **_pairs("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz"),
    **_pairs("ıøłđðħŧɑɡɩɔɛʌ", "iolddhtagioea"),
    **_pairs("αβεικνορτυχηωκγ", "abeikvoptuxnwky"),
    # Cyrillic letters that Russian has not
    **_pairs("ѕіјӏԁһүґєѵԛԝ", "sijldhyrevqw"),
    **dict.fromkeys(map(ord, "👧👦🧒👶"), " child "),
    ord("🔞"): " nsfw ",
}
# within a word of both alphabets: as they are drawn, and what is drawn like nothing as it sounds
LATIN = _pairs("авекмнорстухгипь", "abekmhopctyxrunb")
CYRILLIC = _pairs("abcdefghijklmnoprstuvxyz", "авсдефгнииклмпоргстивхуз")
LEET_LATIN = {
    "0": "o", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "€": "e", "|": "l", "+": "t", "!": "i",
}  # fmt: skip
LEET_CYRILLIC = {
    "0": "о", "1": "и", "3": "з", "4": "ч", "6": "б", "8": "в", "9": "д",
    "@": "а", "$": "с", "€": "е", "|": "л", "!": "и",
}  # fmt: skip
