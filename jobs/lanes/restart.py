"""COMFYUI_RESTART_COMMAND: what an operator gave us to run when a lane's process will not draw again by itself."""

import asyncio
import os

import structlog

log = structlog.get_logger()

COMMAND_SECONDS = 120.0
LONGEST_OUTPUT = 500


async def run_command(command: str, queue: str, host: str) -> bool:
    """Whether the command ended well. It gets LANE and COMFYUI_HOST, and may take two minutes."""
    environment = {**os.environ, "LANE": queue, "COMFYUI_HOST": host}
    process = await asyncio.create_subprocess_shell(
        command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(COMMAND_SECONDS):
            output, _ = await process.communicate()
    except BaseException as error:
        process.kill()
        await process.wait()
        if not isinstance(error, TimeoutError):
            raise
        log.error("COMFYUI_RESTART_COMMAND does not end", lane=queue, seconds=COMMAND_SECONDS)
        return False
    said = output.decode(errors="replace").strip()[-LONGEST_OUTPUT:]
    if process.returncode:
        log.error("COMFYUI_RESTART_COMMAND failed", lane=queue, exit_status=process.returncode, output=said)
    else:
        log.info("COMFYUI_RESTART_COMMAND was run", lane=queue, output=said or None)
    return process.returncode == 0
