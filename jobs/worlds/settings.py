"""What an operator may set about worlds."""

from pydantic import Field

from jobs.settings import SettingsGroup


class WorldSettings(SettingsGroup):
    """`max_concurrent_tasks`: steps under way, of all workers together. Pictures have the limits of who draws them."""

    max_concurrent_tasks: int = Field(default=100, gt=0, le=10_000)
