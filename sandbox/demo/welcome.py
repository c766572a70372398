"""What the demo shows once all parts are ready: where to look, and what to try."""

from dataclasses import dataclass
from pathlib import Path

from sandbox.demo.addresses import Addresses
from sandbox.small_model import gemini, ollama

WRITERS = {
    False: "written by a stand-in for Gemini that makes varied ones up",
    True: f"written by {gemini.NAME}: some minutes each",
}


@dataclass(frozen=True)
class Welcome:
    """`database`: how to open it. `documents`: where the contracts lie. `real_world`: who writes worlds."""

    addresses: Addresses
    api_key: str
    database: str
    documents: Path
    logs: Path
    real_world: bool = False

    def text(self) -> str:
        at = self.addresses
        lanes = "".join(
            f"    gpu-{number}         http://{host}/   a stand-in for ComfyUI that draws without a GPU\n"
            for number, host in enumerate(at.comfyui)
        )
        return (
            f"\n    Open {at.chat}/ and write to the bot, or send /generate a red fox\n\n"
            f"    API           {at.api}/docs   with the key {self.api_key}\n"
            f"    documents     {at.api}/analyses   log in with that key, then upload two of\n"
            f"                  {self.documents}/   a contract and its changed version, in English and in Russian;\n"
            "                  the small model reads English, a first page (…-page1.pdf) in about half a minute\n"
            f"    worlds        {at.api}/worlds   with the same key; {WRITERS[self.real_world]}. Or:\n"
            f"                  POSTGEN_URL={at.api} POSTGEN_API_KEY={self.api_key} \\\n"
            '                  .venv/bin/postgen world --prompt "A town of lighthouses" --users 3 --posts 6\n'
            f"    webhook app   {at.webhook}/\n"
            f"{lanes}"
            f"    LLM           {at.llm}/v1   a real one, but a small one (SmolLM2-135M)\n"
            f"                  {at.llm}/api   the same as Ollama's {ollama.NAME}; it compares the documents\n"
            "                  .venv/bin/python -m sandbox.demo.outage   lets it fail for a while, and shows it\n"
            f"    database      {self.database}\n"
            f"    logs          {self.logs}/\n\n"
            "    Ctrl-C stops everything; the data stays for the next run.\n"
        )
