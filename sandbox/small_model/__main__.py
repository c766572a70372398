"""The real small language model as Ollama, as Gemini and as an OpenAI-compatible server:
`python -m sandbox.small_model --port 11434`.

Then OLLAMA_URL=http://127.0.0.1:11434 with OLLAMA_MODEL=smollm2:135m, or GEMINI_BASE_URL=http://127.0.0.1:11434 with
GEMINI_MODEL=smollm2-135m and any key, or VENICE_BASE_URL=http://127.0.0.1:11434/v1.
"""

from sandbox.small_model.front import front
from sandbox.small_model.running import run

if __name__ == "__main__":
    run("sandbox.small_model", __doc__, front)
