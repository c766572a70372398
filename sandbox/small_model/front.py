"""Which wire is at which address? Ollama's below /api, Gemini's below /v1beta/models, OpenAI's below /v1."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from sandbox.llm.outage import Outage
from sandbox.small_model.asking import SmallModel
from sandbox.small_model.gemini import RealGemini
from sandbox.small_model.ollama import RealOllama


def front(upstream: str, *, other_gemini: ASGIApp | None = None) -> Starlette:
    """`upstream`: llama.cpp's server. `other_gemini` answers for all models of Gemini's that are not the small one."""
    model, outage = SmallModel(upstream), Outage(upstream)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with model.client, outage.client:
            yield

    routes = [*RealOllama(model).routes, *RealGemini(model, other_gemini).routes, Mount("/", outage.app)]
    return Starlette(routes=routes, lifespan=lifespan)
