"""/v1/lanes: each GPU as an operator sees it over HTTP."""

import pytest

from jobs.workflow import model_of
from tests.api.opened_api import Api
from tests.factories import SOME_LANE, execute


async def test_a_lane_that_nobody_serves_yet(api: Api) -> None:
    answer = await api.admin.get("/v1/lanes")
    assert answer.status_code == 200
    [lane] = answer.json()["lanes"]
    assert (lane["queue"], lane["host"], lane["healthy"], lane["served"]) == ("gpu-0", SOME_LANE, None, False)
    assert lane["busy"] == {"1": 0, "15": 0, "60": 0}
    assert answer.json()["learnt"] == []


async def test_a_lane_at_work(api: Api) -> None:
    model = model_of(api.app.state.personas.default.graph)
    stats = '{"vram_total": 24, "vram_free": 9, "device": "cuda:0"}'
    await execute(
        api.database,
        "INSERT INTO lanes (queue, host, healthy, loaded, stats) VALUES"
        f" ('gpu-0', '{SOME_LANE}', true, '{model}', '{stats}')",
        "INSERT INTO renders (queue, workflow, outcome, seconds, finished_at) VALUES"
        " ('gpu-0', 'lina', 'completed', 30, now()), ('gpu-0', 'lina', 'timeout', 0, now())",
        "INSERT INTO workflow_times (workflow, seconds, load_seconds, samples) VALUES ('lina', 4.5, 20, 7)",
    )
    answer = (await api.admin.get("/v1/lanes")).json()
    [lane] = answer["lanes"]
    assert (lane["healthy"], lane["loaded"], lane["failures"]) == (True, model, {"timeout": 1})
    assert api.app.state.personas.default.key in lane["warm"]
    assert lane["busy"]["1"] == pytest.approx(0.5, abs=0.2)
    assert lane["gpu"] == {"device": "cuda:0", "vram_total": 24, "vram_free": 9, "comfyui_version": None}
    assert answer["learnt"] == [{"workflow": "lina", "seconds": 4.5, "load_seconds": 20.0, "samples": 7}]
