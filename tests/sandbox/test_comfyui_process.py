"""The ComfyUI stand-in as a process of its own, as the demo starts it."""

import asyncio
import signal
import socket
import sys

import httpx


async def start(port: int) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "sandbox.comfyui", "--port", str(port), "--seconds", "0.1"]
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def test_it_serves_until_sigterm() -> None:
    process = await start(0)
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert line.startswith("ComfyUI sandbox on http://127.0.0.1:")
    async with httpx.AsyncClient(base_url=line.split()[-1], verify=False) as http:
        assert (await http.get("/prompt")).json() == {"exec_info": {"queue_remaining": 0}}
        assert (await http.get("/sandbox/settings")).json()["seconds_per_picture"] == 0.1
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 10)
    assert (process.returncode, errors) == (0, b"")


async def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await start(port)
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert errors.decode() == f"The ComfyUI sandbox cannot listen on port {port}: Address already in use.\n"
