"""The picture that a prompt becomes: a small landscape, the same for the same text, seed and size (which is on it)."""

import colorsys
import hashlib
import io
import math
import random
import textwrap

from PIL import Image, ImageDraw, ImageFont

from sandbox.comfyui.png import insert_text

CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch _ y _ e yu ya".replace("_", "").split(" "),
        strict=True,
    )
)
FONTS_WITH_CYRILLIC = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")
Colour = tuple[int, int, int]


def draw_scene(text: str, seed: int, width: int, height: int) -> Image.Image:
    chance = random.Random(f"{seed}|{text}|{width}x{height}")
    hue = int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], "big") / 65535
    picture = sky(width, height, hue)
    draw = ImageDraw.Draw(picture)
    draw_sun(draw, chance, width, height, hue)
    for layer in range(4):
        draw_hills(draw, chance, width, height, shade(hue + 0.45, 0.45, 0.62 - 0.13 * layer), 0.52 + 0.11 * layer)
    grain(picture, chance)
    write_text(picture, text, f"seed {seed} · {width}x{height}")
    return picture


def shade(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def sky(width: int, height: int, hue: float) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((width, height))
    return Image.composite(
        Image.new("RGB", (width, height), shade(hue + 0.08, 0.25, 1.0)),
        Image.new("RGB", (width, height), shade(hue, 0.65, 0.75)),
        ramp,
    )


def draw_sun(draw: ImageDraw.ImageDraw, chance: random.Random, width: int, height: int, hue: float) -> None:
    radius = min(width, height) * chance.uniform(0.06, 0.13)
    x, y = width * chance.uniform(0.2, 0.8), height * chance.uniform(0.15, 0.35)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=shade(hue + 0.12, 0.3, 1.0))


def draw_hills(
    draw: ImageDraw.ImageDraw, chance: random.Random, width: int, height: int, colour: Colour, level: float
) -> None:
    waves = [(chance.uniform(0.5, 3.5), chance.uniform(0, 7), chance.uniform(0.01, 0.05)) for _ in range(3)]
    points = []
    for x in range(0, width + 8, 8):
        swing = sum(size * math.sin(pace * 6.28 * x / width + phase) for pace, phase, size in waves)
        points.append((x, height * (level + swing)))
    draw.polygon([*points, (width, height), (0, height)], fill=colour)


def grain(picture: Image.Image, chance: random.Random) -> None:
    """Film grain: makes a PNG as heavy as a photographic one, so that whoever moves it around moves real weights."""
    noise = Image.frombytes("L", picture.size, chance.randbytes(picture.width * picture.height))
    picture.paste(Image.blend(picture, Image.merge("RGB", (noise, noise, noise)), 0.03))


def write_text(picture: Image.Image, text: str, footnote: str) -> None:
    width, height = picture.size
    size = max(10, min(width, height) // 24)
    font, readable = font_for(text, size)
    lines = textwrap.wrap(readable, max(8, int(width * 0.84 / (size * 0.56))))[:6] or ["(empty prompt)"]
    line_height = round(size * 1.35)
    top = height - line_height * (len(lines) + 1) - size
    panel = picture.crop((0, top, width, height)).point(lambda value: value * 0.4)
    picture.paste(panel, (0, top))
    draw = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        draw.text((width * 0.06, top + size * 0.4 + number * line_height), line, font=font, fill="white")
    small, plain = font_for(footnote, max(9, size * 2 // 3))
    draw.text((width * 0.06, height - line_height), plain, font=small, fill=(200, 200, 200))


def font_for(text: str, size: int) -> tuple[ImageFont.FreeTypeFont | ImageFont.ImageFont, str]:
    """Pillow's own font has no Cyrillic; where the machine has no other either, the text is written in Latin."""
    for name in FONTS_WITH_CYRILLIC:
        try:
            return ImageFont.truetype(name, size), text
        except OSError:
            continue
    return ImageFont.load_default(size), latin(text)


def latin(text: str) -> str:
    spelled = "".join(CYRILLIC.get(letter, letter) for letter in text.lower())
    return spelled.encode("ascii", "replace").decode()


def png_bytes(picture: Image.Image, graph: str | None = None) -> bytes:
    target = io.BytesIO()
    picture.save(target, "PNG", compress_level=1)
    return insert_text(target.getvalue(), "prompt", graph) if graph else target.getvalue()


def preview_jpeg(text: str, seed: int, width: int, height: int, share: float) -> bytes:
    """What the latents look like on the way: small, and the less done the more noise."""
    scale = 192 / max(width, height)
    scene = draw_scene(text, seed, max(8, round(width * scale)), max(8, round(height * scale)))
    noise = Image.effect_noise(scene.size, 90).convert("RGB")
    target = io.BytesIO()
    Image.blend(noise, scene, min(1.0, share)).save(target, "JPEG", quality=80)
    return target.getvalue()
