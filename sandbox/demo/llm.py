"""The demo's language models: the real small one behind three wires, and a Gemini that makes varied worlds up.

The wire of OpenAI's fails for a while when `sandbox.demo.outage` orders that.
"""

from starlette.types import ASGIApp

from sandbox.gemini import ScriptedGemini
from sandbox.gemini_content import Content
from sandbox.small_model.front import front
from sandbox.small_model.running import run


def app(upstream: str) -> ASGIApp:
    return front(upstream, other_gemini=ScriptedGemini(Content()).app)


if __name__ == "__main__":
    run("sandbox.demo.llm", __doc__, app)
