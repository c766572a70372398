"""Where is the ComfyUI of a lane?"""

import re

from jobs.errors import Misconfigured
from jobs.settings import LaneSettings

LANE = re.compile(r"gpu-(0|[1-9][0-9]*)")


def host_of(queue: str, settings: LaneSettings) -> str:
    """`host:port` of a lane. Raises Misconfigured for a lane that COMFYUI_HOSTS does not have."""
    found = LANE.fullmatch(queue)
    if found is None:
        raise Misconfigured(f"{queue} is not a lane. Lanes are gpu-0, gpu-1, … in the order of COMFYUI_HOSTS.")
    number = int(found[1])
    if number >= len(settings.hosts):
        raise Misconfigured(f"{queue} needs {number + 1} hosts in COMFYUI_HOSTS, which has {len(settings.hosts)}.")
    return settings.hosts[number]


def base_url(host: str) -> str:
    """The address of a ComfyUI given as `host:port` or with its scheme."""
    return host.rstrip("/") if "://" in host else f"http://{host}"
