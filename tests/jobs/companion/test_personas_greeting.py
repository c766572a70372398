"""The picture that greets: each shipped persona has one, an operator's own may, and what cannot be sent is refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from jobs.companion import greeting_picture
from jobs.companion.personas import SHIPPED, Personas
from jobs.errors import Misconfigured
from jobs.settings import PersonaSettings
from tests.jobs.companion.test_personas import write

NAMES = sorted(folder.name for folder in SHIPPED.iterdir() if (folder / "persona.toml").exists())
KILOBYTE = 1000


def personas(folder: Path | None = None) -> Personas:
    return Personas(PersonaSettings(personas_dir=str(folder) if folder else None, _env_file=None))


def draw(path: Path, kind: str = "JPEG") -> Path:
    Image.new("RGB", (60, 80), "teal").save(path, kind)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_persona_greets_with_a_portrait(name: str) -> None:
    picture = personas().find(name).greeting_picture
    assert picture == SHIPPED / name / "greeting.jpg"
    assert picture.stat().st_size < 100 * KILOBYTE
    with Image.open(picture) as image:
        image.load()
        assert image.size == (768, 960)
        assert image.mode == "RGB"
        colours = image.resize((96, 120)).getcolors(96 * 120)
        assert colours is None or len(colours) > 50, "an empty sheet is no portrait"


def test_no_two_greet_with_the_same() -> None:
    pictures = {picture.read_bytes() for each in personas().all.values() if (picture := each.greeting_picture)}
    assert len(pictures) == len(NAMES) == 8


def test_an_own_persona_may_have_none(tmp_path: Path) -> None:
    assert personas(write(tmp_path, "nova")).find("nova").greeting_picture is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [("greeting.jpg", "JPEG"), ("greeting.jpeg", "JPEG"), ("Greeting.PNG", "PNG"), ("greeting.webp", "WEBP"),
     ("greeting.jpg", "PNG")],
)  # fmt: skip
def test_an_own_one(tmp_path: Path, name: str, kind: str) -> None:
    write(tmp_path, "nova")
    picture = draw(tmp_path / "nova" / name, kind)
    assert personas(tmp_path).find("nova").greeting_picture == picture


def test_an_own_lina_does_not_greet_with_the_shipped_picture(tmp_path: Path) -> None:
    assert personas(write(tmp_path, "lina")).find("lina").greeting_picture is None


@pytest.mark.parametrize("other", ["greeting.txt", "greeting", "hello.jpg", "greeting.jpg.bak", "greeting.svg"])
def test_other_files_are_left_alone(tmp_path: Path, other: str) -> None:
    (tmp_path / other).write_text("Mine.")
    assert greeting_picture.find(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a" + bytes(20), b"RIFF\0\0\0\0WAVEfmt ", b"\xff\xd8"])
def test_what_is_no_picture(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "nova")
    (tmp_path / "nova" / "greeting.jpg").write_bytes(content)
    with pytest.raises(Misconfigured, match=r"nova is not valid.*greeting\.jpg is not a JPEG, PNG or WebP.*Save it as"):
        _ = personas(tmp_path).all


def test_telegrams_limit(tmp_path: Path) -> None:
    picture = draw(tmp_path / "greeting.jpg")
    limit = 10 * 1024 * 1024
    with picture.open("r+b") as file:
        file.truncate(limit)
    assert greeting_picture.find(tmp_path) == picture
    with picture.open("r+b") as file:
        file.truncate(limit + 1)
    with pytest.raises(Misconfigured, match=r"greeting\.jpg has 10\.0 MB; Telegram takes at most 10 MB"):
        greeting_picture.find(tmp_path)


def test_two_pictures_leave_no_doubt(tmp_path: Path) -> None:
    draw(tmp_path / "greeting.jpg")
    draw(tmp_path / "greeting.png", "PNG")
    with pytest.raises(Misconfigured, match=r"greeting\.jpg and greeting\.png: keep one"):
        greeting_picture.find(tmp_path)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "greeting.jpg").mkdir()
    with pytest.raises(Misconfigured, match=r"greeting\.jpg cannot be read"):
        greeting_picture.find(tmp_path)


def test_a_start_opens_no_pixels() -> None:
    program = (
        "import sys; from jobs.companion.personas import Personas; from jobs.settings import PersonaSettings;"
        "Personas(PersonaSettings()).checked(); import jobs.commands.personas; assert 'PIL' not in sys.modules"
    )
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", program], cwd=root, env={**os.environ, "PERSONAS_DIR": ""}, check=True)
