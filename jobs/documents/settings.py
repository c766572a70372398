"""What an operator may set about documents."""

from pydantic import Field

from jobs.settings import SettingsGroup


class DocumentSettings(SettingsGroup):
    """`document_ttl`: seconds for which a document is kept after it was used last; 0 keeps it until it is deleted.

    What a comparison names is kept with that. The limits of extraction hold for the process that reads one document.
    """

    document_ttl: int = Field(default=30 * 86400, ge=0)
    extraction_timeout: int = Field(default=300, gt=0, le=86400)
    # in megabytes
    extraction_memory: int = Field(default=1024, ge=256)
