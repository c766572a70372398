"""What the client reads out of frames, answers and files, also of those that are not as they should be."""

import io
import json
import struct

import pytest
from PIL import Image, PngImagePlugin

from jobs.providers.comfyui.failures import execution_failed, presentable
from jobs.providers.comfyui.progress import ProgressMeter
from jobs.providers.comfyui.protocol import (
    CachedNodes,
    Failed,
    NodeError,
    NodeOutput,
    NodeStarted,
    Preview,
    SavedFile,
    Status,
    Step,
    parse,
)
from jobs.providers.png_texts import without_texts
from sandbox.comfyui.graphs import z_image


def frame(kind: str, **data: object) -> str:
    return json.dumps({"type": kind, "data": data})


def test_recorded_messages() -> None:
    assert parse(frame("status", status={"exec_info": {"queue_remaining": 1}}, sid="x")) == Status(1)
    assert parse(frame("execution_cached", nodes=["1"], prompt_id="p", timestamp=1)) == CachedNodes("p", ("1",))
    assert parse(frame("executing", node="1", display_node="1", prompt_id="p")) == NodeStarted("p", "1")
    assert parse(frame("progress", value=1, max=3, prompt_id="p", node="2")) == Step("p", "2", 1, 3)
    output = {"images": [{"filename": "a.png", "subfolder": "", "type": "output"}], "animated": [False], "text": ["x"]}
    message = parse(frame("executed", node="3", display_node="3", output=output, prompt_id="p"))
    assert message == NodeOutput("p", "3", (SavedFile("a.png", "", "output"),))
    error = parse(frame("execution_error", prompt_id="p", node_id="2", node_type="X", exception_type="E", traceback=[]))
    assert error == Failed("p", NodeError("2", "X", "E", ""))


@pytest.mark.parametrize(
    "unknown",
    [
        frame("executing", node=None, prompt_id="p"),
        frame("executing", node="2"),
        frame("progress_state", prompt_id="p", nodes={}),
        frame("progress", value="many", max=3, prompt_id="p", node="2"),
        frame("something_new"),
        frame("executed", node="3"),
        '{"type": "status"}',
        "[]",
        "not json",
        "",
        b"",
        b"\0\0\0\1",
        struct.pack(">II", 1, 1) + b"\xff\xd8\xff",
        struct.pack(">II", 4, 9000) + b"{}",
        struct.pack(">II", 4, 2) + b"{}image",
        struct.pack(">I", 3) + b"text",
    ],
)
def test_what_we_do_not_know_is_ignored(unknown: str | bytes) -> None:
    assert parse(unknown) is None


def test_previews_name_their_prompt() -> None:
    about = json.dumps({"prompt_id": "p", "node_id": "2", "image_type": "image/png"}).encode()
    assert parse(struct.pack(">II", 4, len(about)) + about + b"image") == Preview("p", "2", "image/png", b"image")


def test_texts_are_cut_out_of_a_png_and_nothing_else() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "a secret")
    info.add_itxt("workflow", "another")
    info.add_text("more", "a third", zip=True)
    written = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(written, "PNG", pnginfo=info, dpi=(72, 72))
    cleaned = without_texts(written.getvalue())
    for secret in (b"secret", b"another", b"prompt", b"workflow", b"zTXt"):
        assert secret not in cleaned
    with Image.open(io.BytesIO(cleaned)) as picture:
        picture.load()
        assert picture.getpixel((0, 0)) == (255, 0, 0)
        assert "dpi" in picture.info
    assert without_texts(b"\xff\xd8\xff") == b"\xff\xd8\xff"


def test_progress_weighs_the_sampler_by_its_steps() -> None:
    meter = ProgressMeter(z_image("x", steps=4))
    meter.see(CachedNodes("p", ("28", "30", "29", "11", "27", "33", "13", "gone")))
    meter.see(Step("p", "3", 2, 4))
    assert meter.fraction == pytest.approx((7 + 20) / 49)
    meter.see(Step("p", "3", 4, 4))
    meter.see(NodeStarted("p", "8"))
    meter.see(Step("p", "3", 1, 4))
    assert meter.fraction == pytest.approx((7 + 40) / 49), "never backwards"


@pytest.mark.parametrize(
    ("kind", "message", "code"),
    [
        ("torch.OutOfMemoryError", "…", "gpu_out_of_memory"),
        ("torch.cuda.OutOfMemoryError", "CUDA out of memory.", "gpu_out_of_memory"),
        ("RuntimeError", "Allocation on device 0 would exceed allowed memory.", "gpu_out_of_memory"),
        ("torch.AcceleratorError", "an illegal memory access", "gpu_poisoned"),
        ("RuntimeError", "CUDA error: device-side assert triggered", "gpu_poisoned"),
        ("RuntimeError", "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", "gpu_poisoned"),
        ("ValueError", "CUBLAS_STATUS_NOT_INITIALIZED when calling", "gpu_poisoned"),
        ("ValueError", "bad shape", "comfyui_node_failed"),
    ],
)
def test_kinds_of_failure(kind: str, message: str, code: str) -> None:
    assert execution_failed(NodeError("3", "KSampler", kind, message)).code == code


@pytest.mark.parametrize(
    ("kind", "retryable"),
    [
        ("requests.exceptions.ConnectTimeout", True),
        ("TimeoutError", True),
        ("ConnectionResetError", True),
        ("urllib.error.URLError", True),
        ("ValueError", False),
        ("TypeError", False),
    ],
)
def test_only_passing_troubles_are_tried_again(kind: str, retryable: bool) -> None:
    assert execution_failed(NodeError("3", "KSampler", kind, "x")).retryable is retryable


def test_no_paths_and_no_second_line_reach_people() -> None:
    shown = presentable("No such file: '/srv/comfy/models/x.bin', nor C:\\models\\y\nTraceback: secret")
    assert shown == "No such file: '…', nor …"
