"""What a websocket frame of ComfyUI says. What we do not know, and what does not read as it should, is None."""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

PREVIEW_WITH_METADATA = 4


@dataclass(frozen=True)
class SavedFile:
    """A file in one of the server's folders; only `type` "output" is a result."""

    filename: str
    subfolder: str
    type: str


@dataclass(frozen=True)
class NodeError:
    """Without the traceback and the inputs, which hold paths and prompts."""

    node_id: str
    node_type: str
    exception_type: str
    message: str


@dataclass(frozen=True)
class Status:
    queue_remaining: int


@dataclass(frozen=True)
class Started:
    prompt_id: str
    timestamp: int


@dataclass(frozen=True)
class CachedNodes:
    prompt_id: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class NodeStarted:
    prompt_id: str
    node: str


@dataclass(frozen=True)
class Step:
    prompt_id: str
    node: str
    value: int
    maximum: int


@dataclass(frozen=True)
class Preview:
    prompt_id: str
    node: str
    content_type: str
    image: bytes


@dataclass(frozen=True)
class NodeOutput:
    prompt_id: str
    node: str
    files: tuple[SavedFile, ...]


@dataclass(frozen=True)
class Succeeded:
    prompt_id: str
    timestamp: int


@dataclass(frozen=True)
class Failed:
    prompt_id: str
    error: NodeError


@dataclass(frozen=True)
class Interrupted:
    prompt_id: str


PromptMessage = Started | CachedNodes | NodeStarted | Step | Preview | NodeOutput | Succeeded | Failed | Interrupted
Message = Status | PromptMessage


def parse(frame: str | bytes) -> Message | None:
    try:
        return parse_binary(frame) if isinstance(frame, bytes) else parse_text(frame)
    except (ValueError, LookupError, TypeError, AttributeError, struct.error):
        return None


def parse_text(frame: str) -> Message | None:
    message = json.loads(frame)
    reader = READERS.get(message["type"])
    return reader(message["data"]) if reader else None


def parse_binary(frame: bytes) -> Preview | None:
    """Only frames that name their prompt: the older ones could belong to anybody."""
    kind, length = struct.unpack_from(">II", frame)
    if kind != PREVIEW_WITH_METADATA:
        return None
    about = json.loads(frame[8 : 8 + length])
    image_type = str(about.get("image_type", "image/jpeg"))
    return Preview(about["prompt_id"], about["node_id"], image_type, frame[8 + length :])


def status(data: Mapping[str, Any]) -> Status:
    return Status(int(data["status"]["exec_info"]["queue_remaining"]))


def started(data: Mapping[str, Any]) -> Started:
    return Started(data["prompt_id"], int(data["timestamp"]))


def cached_nodes(data: Mapping[str, Any]) -> CachedNodes:
    return CachedNodes(data["prompt_id"], tuple(data["nodes"]))


def node_started(data: Mapping[str, Any]) -> NodeStarted | None:
    """None for the end of a prompt, and for what a reconnected socket is told without saying which prompt."""
    if data.get("node") is None or data.get("prompt_id") is None:
        return None
    return NodeStarted(data["prompt_id"], data["node"])


def step(data: Mapping[str, Any]) -> Step:
    return Step(data["prompt_id"], data["node"], int(data["value"]), int(data["max"]))


def node_output(data: Mapping[str, Any]) -> NodeOutput:
    return NodeOutput(data["prompt_id"], data["node"], saved_files(data.get("output")))


def succeeded(data: Mapping[str, Any]) -> Succeeded:
    return Succeeded(data["prompt_id"], int(data["timestamp"]))


def failed(data: Mapping[str, Any]) -> Failed:
    return Failed(data["prompt_id"], node_error(data))


def interrupted(data: Mapping[str, Any]) -> Interrupted:
    return Interrupted(data["prompt_id"])


def node_error(data: Mapping[str, Any]) -> NodeError:
    return NodeError(
        str(data.get("node_id", "?")),
        str(data.get("node_type", "?")),
        str(data.get("exception_type", "")),
        str(data.get("exception_message", "")).strip(),
    )


def saved_files(ui: Mapping[str, Any] | None) -> tuple[SavedFile, ...]:
    """The files that a node shows, whatever kind of media it puts them under."""
    shown = [item for items in (ui or {}).values() if isinstance(items, list) for item in items]
    return tuple(
        SavedFile(item["filename"], str(item.get("subfolder", "")), str(item.get("type", "")))
        for item in shown
        if isinstance(item, dict) and isinstance(item.get("filename"), str)
    )


READERS: Mapping[str, Callable[[Mapping[str, Any]], Message | None]] = {
    "status": status,
    "execution_start": started,
    "execution_cached": cached_nodes,
    "executing": node_started,
    "progress": step,
    "executed": node_output,
    "execution_success": succeeded,
    "execution_error": failed,
    "execution_interrupted": interrupted,
}
