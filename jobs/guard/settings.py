"""What an operator may set about calls to providers."""

from typing import Literal

from pydantic import Field

from jobs.db.provider.provider_gate import Limits
from jobs.settings import SettingsGroup

Sort = Literal["llm", "image"]

Most = Field(default=None, gt=0)
# of so many places one is kept free of jobs for which nobody waits; of fewer one as well, if there is another
KEPT_FREE = 5


class GuardSettings(SettingsGroup):
    """All limits hold for all workers together. A provider without one of its own shares that of its sort."""

    max_concurrent_llm_requests: int = Field(default=15, gt=0, le=1000)
    max_concurrent_image_requests: int = Field(default=10, gt=0, le=1000)
    # by a job and all jobs below it
    max_llm_calls_per_job: int | None = Field(default=1000, gt=0)
    max_image_calls_per_job: int | None = Field(default=1000, gt=0)
    venice_max_concurrent: int | None = Field(default=None, gt=0, le=1000)
    gemini_max_concurrent: int | None = Field(default=None, gt=0, le=1000)
    ollama_max_concurrent: int | None = Field(default=None, gt=0, le=1000)
    replicate_max_concurrent: int | None = Field(default=None, gt=0, le=1000)
    # A1111 and Forge take one call at a time
    local_max_concurrent: int | None = Field(default=1, gt=0, le=1000)
    live3d_max_concurrent: int | None = Field(default=None, gt=0, le=1000)
    venice_daily_calls: int | None = Most
    gemini_daily_calls: int | None = Most
    ollama_daily_calls: int | None = Most
    replicate_daily_calls: int | None = Most
    local_daily_calls: int | None = Most
    live3d_daily_calls: int | None = Most

    def limits(self, provider: str, sort: Sort, *, yields: bool = False) -> Limits:
        llm = sort == "llm"
        of_sort = self.max_concurrent_llm_requests if llm else self.max_concurrent_image_requests
        of_provider = getattr(self, f"{provider}_max_concurrent", None)
        return Limits(
            of_sort=of_sort - (of_sort // KEPT_FREE or min(1, of_sort - 1)) if yields else of_sort,
            of_provider=of_provider - of_provider // KEPT_FREE if yields and of_provider else of_provider,
            of_day=getattr(self, f"{provider}_daily_calls", None),
            of_job=self.max_llm_calls_per_job if llm else self.max_image_calls_per_job,
        )
