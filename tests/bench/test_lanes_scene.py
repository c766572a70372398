"""The scene of the lanes' contest: GPUs that keep a record which outlives them, and a slow line to Telegram."""

from pathlib import Path

import httpx
import pytest

from bench import lane_servers
from bench.children import until
from bench.ground import Ground
from bench.lane_servers import LaneServer, completed, read_runs
from bench.pictures import Wanted, graph_of, make_personas
from bench.slow_telegram import BYTES_PER_SECOND, slow_telegram
from jobs.companion.personas import Personas
from jobs.delivery.telegram import Sent, Telegram, Upload
from sandbox.postgres import EmbeddedPostgres


async def test_a_photo_arrives_as_slowly_as_the_line_is() -> None:
    picture = b"\r\n--x" * 40_000
    async with slow_telegram() as slow, httpx.AsyncClient(verify=False) as client:
        telegram = Telegram(client, token="1:bench", api_base=f"http://127.0.0.1:{slow.port}")
        answer = await telegram.send("sendPhoto", {"chat_id": 5, "caption": "a boat"}, upload=Upload("photo", picture))
        assert answer == Sent(1, "photo-1")
        assert await telegram.send("sendMessage", {"chat_id": 6, "text": "hello"}) == answer
    [photo] = slow.photos
    assert (photo.chat_id, slow.chats) == (5, 1)
    assert photo.size > len(picture)
    assert photo.seconds >= photo.size / BYTES_PER_SECOND


async def test_a_killed_gpu_leaves_the_record_of_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_servers, "LOAD_SECONDS", 0.0)
    monkeypatch.setattr(lane_servers, "PICTURE_SECONDS", 0.3)
    personas = make_personas(tmp_path / "personas")
    ground = Ground(EmbeddedPostgres(tmp_path / "never started"), tmp_path, quick=True)
    async with lane_servers.lane_servers(ground, tmp_path) as [first, second], httpx.AsyncClient(verify=False) as http:
        await post(http, first, personas, 7)
        await until(first.child, lambda: completed([first, second]), "complete its picture")
        await http.patch(f"http://127.0.0.1:{second.port}/sandbox/settings", json={"seconds_per_picture": 60})
        await post(http, second, personas, 8)
        await until(second.child, second.runs.read_text, "begin its picture")
        second.kill()
        [whole], [part] = read_runs(first), read_runs(second)
    assert (whole.lane, whole.picture, whole.completed) == (0, 7, True)
    assert whole.ended - whole.started >= 0.3
    assert (part.lane, part.picture, part.completed, part.ended) == (1, 8, False, second.killed_at)


async def post(http: httpx.AsyncClient, server: LaneServer, personas: Personas, number: int) -> None:
    graph = graph_of(personas.default, Wanted(number, personas.default.key))
    answer = await http.post(f"http://127.0.0.1:{server.port}/prompt", json={"prompt": graph})
    assert answer.status_code == 200, answer.text
