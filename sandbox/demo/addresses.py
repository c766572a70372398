"""Which part listens where?"""

from dataclasses import dataclass, field

from sandbox.demo.ports import WantedPort, free_port

API_PORT, WEBHOOK_PORT, CHAT_PORT = 8000, 8001, 8090
LANES = 2


@dataclass(frozen=True)
class Addresses:
    """Ports: the first three are for people and fixed, the others any free ones."""

    api_port: int = API_PORT
    webhook_port: int = WEBHOOK_PORT
    chat_port: int = CHAT_PORT
    comfyui_ports: tuple[int, ...] = field(default_factory=lambda: tuple(free_port() for _ in range(LANES)))
    llm_port: int = field(default_factory=free_port)

    @property
    def wanted(self) -> list[WantedPort]:
        return [
            WantedPort(self.api_port, "the API", "--api-port"),
            WantedPort(self.webhook_port, "the webhook app", "--webhook-port"),
            WantedPort(self.chat_port, "the chat page", "--chat-port"),
        ]

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.webhook_port}"

    @property
    def chat(self) -> str:
        return f"http://127.0.0.1:{self.chat_port}"

    @property
    def comfyui(self) -> list[str]:
        """`host:port` of each lane, gpu-0 first."""
        return [f"127.0.0.1:{port}" for port in self.comfyui_ports]

    @property
    def llm(self) -> str:
        return f"http://127.0.0.1:{self.llm_port}"
