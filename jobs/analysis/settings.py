"""What an operator may set about the analysis of documents."""

from pydantic import Field

from jobs.settings import SettingsGroup


class AnalysisSettings(SettingsGroup):
    """`analysis_timeout`: seconds for one part, with all corrections of its answer."""

    analysis_timeout: float = Field(default=1800, gt=0)
