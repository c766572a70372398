"""A real small language model behind an OpenAI-compatible server: `python -m sandbox.llm.real --port 8080`.

SmolLM2-135M-Instruct on llama.cpp: streams, follows a JSON schema, needs no GPU. It is small: expect English and
short, simple answers.
"""

import argparse
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jobs.errors import Misconfigured
from sandbox.llm.model_file import small_model

ALIAS = "smollm2"
TOKENS_PER_SLOT = 8192
SLOTS = 2
# Its threads wait for each other at every step, so a core that something else keeps busy slows all of them down:
# measured on two busy cores, one thread writes sixty tokens a second and two write five.
THREADS = max(1, min(4, (os.cpu_count() or 2) - 1))
# a client that names no max_tokens would get as much as the context holds, and a small model likes to go on
LONGEST_ANSWER = 256
QUIET = 1  # llama.cpp's verbosity: errors only; it warns of its own cache at every second request


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.llm.real", description=__doc__)
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        serve(options.port)
    except Misconfigured as error:
        sys.exit(error.detail)


def serve(port: int) -> None:
    """Blocks until SIGTERM or SIGINT. Raises Misconfigured when a package is missing or the port is taken."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise Misconfigured("The language model's engine is not installed (package xllamacpp). Run `make install-dev`.")
    model = small_model()
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)  # before llama.cpp starts threads, which inherit it
    began = time.monotonic()
    server = _started(model, port)
    print(f"{ALIAS} listens on {server.listening_address} after {time.monotonic() - began:.1f} s", flush=True)
    signal.sigwait(stop_signals)
    # the engine frees its threads when the last answer ends; a demo that stops waits for no answer
    os._exit(0)


def _started(model: Path, port: int) -> Any:
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(model)
    parameters.model_alias = {ALIAS}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_ctx = TOKENS_PER_SLOT * SLOTS
    parameters.n_parallel = SLOTS
    parameters.n_predict = LONGEST_ANSWER
    parameters.cpuparams.n_threads = THREADS
    parameters.cpuparams_batch.n_threads = THREADS
    parameters.cache_ram_mib = 256
    parameters.sampling.penalty_repeat = 1.1
    parameters.verbosity = QUIET
    parameters.ui = False
    parameters.offline = True
    try:
        return xllamacpp.Server(parameters)
    except Exception as error:
        raise Misconfigured(f"The language model did not start on port {port}: {error}") from error


if __name__ == "__main__":
    main()
