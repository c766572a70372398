"""`python -m bench.chat_load_model PORT SECONDS`: a language model that takes so long and tells what it has read."""

import sys

import uvicorn

from bench.chat_load_words import reply
from sandbox.llm.scripted import ScriptedLlm


def main(port: str, seconds: str) -> None:
    llm = ScriptedLlm(reply, latency=float(seconds))
    uvicorn.run(llm.app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
