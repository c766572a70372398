"""`postgen personas check`: is each persona right, and would each lane's ComfyUI draw it?"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from jobs.commands.doctor import Finding
from jobs.companion.personas import Persona, Personas, Reading
from jobs.errors import Misconfigured, PostgenError
from jobs.lanes.hosts import base_url
from jobs.providers.comfyui.object_info import Mismatch, mismatches
from jobs.providers.comfyui.server_api import ServerApi
from jobs.safety.hard_block import broken_rule, without_rules
from jobs.safety.ratings import needs_age
from jobs.settings import LaneSettings, PersonaSettings, load

# what Telegram takes as a photo
LONGEST_SIDES_TOGETHER = 10_000
MOST_LOPSIDED = 20


@dataclass(frozen=True)
class Lane:
    """`classes` is what its ComfyUI says of its nodes; None when it says nothing usable, as `trouble` tells."""

    name: str
    host: str
    classes: Mapping[str, Any] | None = None
    trouble: str = ""


async def check(hosts: bool) -> bool:
    """Print what is right and all that is wrong; False if anything is. With `hosts`, ask the lanes as well."""
    settings = load(PersonaSettings)
    findings: list[Finding] = []
    readings = _readings(settings, findings)
    findings += [finding for reading in readings for finding in _persona_findings(reading)]
    if hosts:
        whole = [reading.persona for reading in readings if reading.persona]
        for lane in await _ask_lanes(load(LaneSettings).hosts):
            findings += _lane_findings(lane, whole)
        if not load(LaneSettings).hosts:
            findings.append(Finding("lanes", "none to ask: COMFYUI_HOSTS is not set"))
    for finding in findings:
        print(finding)
    return not any(finding.advice for finding in findings)


def _readings(settings: PersonaSettings, findings: list[Finding]) -> list[Reading]:
    """The shipped ones at least, where PERSONAS_DIR is wrong."""
    try:
        return Personas(settings).readings()
    except Misconfigured as error:
        findings.append(Finding("own", error.detail, "correct PERSONAS_DIR"))
        return Personas(settings.model_copy(update={"personas_dir": None})).readings()


def _persona_findings(reading: Reading) -> Iterator[Finding]:
    problems = list(reading.problems)
    picture = reading.persona and reading.persona.greeting_picture
    if picture and (problem := unsendable(picture)):
        problems.append(problem)
    if reading.persona and (rule := _broken_rule(reading.persona)):
        problems.append(f"Its own texts break the built-in content rules ({rule}): nothing would ever be made with it.")
    for problem in problems:
        yield Finding(reading.key, problem, f"correct it in {reading.folder}")
    if not problems:
        yield Finding(reading.key, str(reading.folder) if picture else f"{reading.folder}, without a greeting picture")


def _broken_rule(persona: Persona) -> str | None:
    texts = (without_rules(persona.system_prompt), persona.image_style, persona.greeting.en, persona.greeting.ru)
    return broken_rule("\n".join(texts), adult=needs_age(persona))


def unsendable(picture: Path) -> str | None:
    """Why Telegram would refuse a picture that begins like one, in a sentence."""
    # takes a while, and the other commands do without
    from PIL import Image

    try:
        with Image.open(picture) as image:
            image.load()
            longest, shortest = max(image.size), min(image.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return f"The greeting picture {picture.name} cannot be opened ({error})."
    if longest + shortest > LONGEST_SIDES_TOGETHER:
        return f"The greeting picture {picture.name} is too large: width and height together may be 10,000 pixels."
    if longest > MOST_LOPSIDED * shortest:
        return f"The greeting picture {picture.name} is too narrow: one side may be 20 times the other."
    return None


async def _ask_lanes(hosts: list[str]) -> list[Lane]:
    return await asyncio.gather(*(_ask(f"gpu-{number}", host) for number, host in enumerate(hosts)))


async def _ask(name: str, host: str) -> Lane:
    server = None
    try:
        server = ServerApi(base_url(host))
        classes = await server.object_info()
    except httpx.InvalidURL as error:
        return Lane(name, host, trouble=f"{host} is not an address ({error})")
    except PostgenError as error:
        return Lane(name, host, trouble=error.detail.rstrip("."))
    finally:
        if server:
            await server.aclose()
    if not any(isinstance(each, dict) and "input" in each for each in classes.values()):
        return Lane(name, host, trouble="What answers there is not ComfyUI: it does not say which nodes it has")
    return Lane(name, host, {title: each for title, each in classes.items() if isinstance(each, dict)})


def _lane_findings(lane: Lane, personas: list[Persona]) -> Iterator[Finding]:
    """What several personas lack is said once, with all their names."""
    if lane.classes is None:
        yield Finding(lane.name, f"{lane.host}: {lane.trouble}", "start ComfyUI there, or correct COMFYUI_HOSTS")
        return
    drawn: list[str] = []
    lacking: dict[Mismatch, list[str]] = {}
    for persona in personas:
        found = list(mismatches(persona.graph, lane.classes))
        for mismatch in found:
            lacking.setdefault(mismatch, []).append(persona.key)
        if not any(each.sure for each in found):
            drawn.append(persona.key)
    for mismatch, keys in lacking.items():
        yield _mismatch_finding(lane, ", ".join(keys), mismatch)
    if drawn:
        yield Finding(lane.name, f"{lane.host} has what it takes to draw {', '.join(drawn)}")


def _mismatch_finding(lane: Lane, keys: str, mismatch: Mismatch) -> Finding:
    if mismatch.sure:
        return Finding(lane.name, f"{keys}: {mismatch.words}", mismatch.advice)
    return Finding(lane.name, f"{keys}: {mismatch.words}; as a custom node it may take it all the same")
