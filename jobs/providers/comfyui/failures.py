"""ComfyUI's troubles as words: what is permanent, what may be tried again, and after which one only a restart helps."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.errors import InvalidInput, PermanentError, PostgenError, TemporaryError
from jobs.providers.comfyui.protocol import NodeError

# what a person may have typed; everything else that is wrong with a workflow is the operator's to mend
CLIENT_MISTAKES = {"value_bigger_than_max", "value_smaller_than_min", "invalid_input_type"}
POISONED = re.compile(r"CUDA error|AcceleratorError|cuBLAS|CUBLAS_STATUS|cuDNN|CUDNN_STATUS", re.IGNORECASE)
OUT_OF_MEMORY = re.compile(r"OutOfMemoryError$")
PASSING = re.compile(
    r"(Timeout|Timed ?Out|Connection\w*|ChunkedEncodingError|ProtocolError|URLError)(Error)?$", re.IGNORECASE
)
PATH = re.compile(r"(?<![\w/])(?:[A-Za-z]:)?[/\\][^\s'\",;:]+")
LONGEST_MESSAGE = 200


class ServerFailure(TemporaryError):
    """`needs_restart`: this ComfyUI process will not draw again before somebody restarts it."""

    needs_restart = False


class Unreachable(ServerFailure):
    """The server is away: no fault of the picture, which waits for as long as that takes."""

    code = "comfyui_unreachable"
    forgiven = None


class Lost(ServerFailure):
    """The server forgot it. A picture that takes its server down each time must end some time."""

    code = "comfyui_lost_prompt"
    forgiven = 3


class Interrupted(ServerFailure):
    """By a person in ComfyUI's own page, probably: who does that twice means it."""

    code = "comfyui_interrupted"
    forgiven = 1
    final = True


class Poisoned(ServerFailure):
    """This process will not draw again. The picture may be the reason, or just have met it."""

    code = "gpu_poisoned"
    forgiven = 1
    needs_restart = True


class OutOfMemory(ServerFailure):
    """The next try may find more room, or another GPU."""

    code = "gpu_out_of_memory"
    elsewhere = True


def unreachable(reason: str) -> ServerFailure:
    return Unreachable(f"ComfyUI does not answer ({reason}).")


def lost() -> ServerFailure:
    return Lost("ComfyUI no longer knows this picture: it was restarted.")


def cut_off() -> ServerFailure:
    return Lost("ComfyUI went away while it drew this picture.")


def interrupted() -> ServerFailure:
    return Interrupted("Somebody else interrupted this picture in ComfyUI.")


def lane_left() -> ServerFailure:
    return Unreachable("The GPU beside this picture failed, and its ComfyUI must be restarted.")


def output_missing() -> ServerFailure:
    return ServerFailure("ComfyUI finished the picture, but its file is gone.", code="comfyui_output_missing")


def cancelled() -> PermanentError:
    return PermanentError("The picture was cancelled.", code="cancelled", blame="client")


def no_picture() -> PermanentError:
    detail = "The workflow ended without a picture. It needs a SaveImage node that is fed."
    return PermanentError(detail, code="workflow_invalid")


def stuck(*, stopped: bool) -> ServerFailure:
    detail = "ComfyUI made no headway with this picture, so it was cancelled."
    if not stopped:
        detail = "ComfyUI made no headway with this picture and cannot be stopped; it must be restarted."
    failure = ServerFailure(detail, code="comfyui_stuck")
    failure.needs_restart = not stopped
    return failure


def execution_failed(error: NodeError) -> PostgenError:
    if OUT_OF_MEMORY.search(error.exception_type) or "Allocation on device" in error.message:
        return OutOfMemory(f"The GPU ran out of memory at {place(error)}.")
    if POISONED.search(f"{error.exception_type} {error.message}"):
        return Poisoned(f"The GPU failed at {place(error)}; its ComfyUI must be restarted.")
    detail = f"ComfyUI failed at {place(error)}: {error.exception_type}: {presentable(error.message)}"
    if PASSING.search(error.exception_type):
        return ServerFailure(detail, code="comfyui_node_failed")
    return PermanentError(detail, code="comfyui_node_failed", blame="upstream")


def place(error: NodeError) -> str:
    return f"node {error.node_id} ({error.node_type})"


def presentable(message: str) -> str:
    """One line without paths of the server's disk."""
    first = message.splitlines()[0] if message else "no reason given"
    return PATH.sub("…", first)[:LONGEST_MESSAGE]


def workflow_refused(answer: Mapping[str, Any]) -> PostgenError:
    """From the body of a 400, or of a 200 that drops part of the graph."""
    problems = list(node_problems(answer.get("node_errors") or {}))
    errors = [{"pointer": f"/workflow/{node}/inputs/{field}", "detail": text} for node, field, text, _ in problems]
    if not problems:
        error = answer.get("error") or {}
        words = f"{error.get('message', 'no reason given')} {error.get('details', '')}".strip()
        return PermanentError(f"ComfyUI refused the workflow: {presentable(words)}", code="workflow_invalid")
    sentences = [
        f"node {node}, input {field}: {text}" if field else f"node {node}: {text}" for node, field, text, _ in problems
    ]
    detail = f"ComfyUI refused the workflow: {'; '.join(sentences[:3])}."
    if all(kind in CLIENT_MISTAKES for *_, kind in problems):
        return InvalidInput(detail, errors=errors, code="workflow_invalid")
    return PermanentError(detail, code="workflow_invalid")


def node_problems(node_errors: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Node with its class, field, sentence and ComfyUI's type of each thing that is wrong."""
    for node_id, entry in node_errors.items():
        for error in entry.get("errors", []):
            field = str((error.get("extra_info") or {}).get("input_name", ""))
            text = error.get("message", "")
            if error.get("type") in ("value_not_in_list", "return_type_mismatch", "custom_validation_failed"):
                text = f"{text} ({error.get('details', '')})"
            yield f"{node_id} ({entry.get('class_type')})", field, presentable(text), str(error.get("type"))
