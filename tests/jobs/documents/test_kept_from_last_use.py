"""Documents live from their last use: that a comparison named them until now is one."""

from uuid import uuid4

from jobs import housekeeping
from jobs.db.analyses import comparisons, documents
from jobs.db.files.media import StoredFile
from jobs.db.session import Database
from jobs.media import key_of
from tests.factories import execute, value
from tests.jobs.analysis.comparing import OWNER, document

LONG_AGO = "UPDATE documents SET used_at = now() - interval '31 days'"


async def test_documents_went_with_the_comparison_that_was_deleted(database: Database) -> None:
    ids, comparison_id, identity = [await document(database, ["text"]) for _ in range(2)], uuid4(), uuid4()
    asked = {"looks_for": ["risks"], "question": "", "model": "", "language": "en", "report_formats": []}
    async with database.transaction() as connection:
        file = StoredFile(identity, key_of(identity), "text/plain", 4, "0" * 64)
        await documents.attach(connection, ids[0], OWNER, file)
        await comparisons.insert(connection, comparison_id, OWNER, ids, title="Lease", **asked)
    there = "SELECT count(*) FROM documents"
    await execute(database, LONG_AGO)
    await housekeeping.forget_documents(database)
    assert await value(database, there) == 2, "a comparison names them"
    async with database.transaction() as connection:
        await comparisons.delete(connection, comparison_id)
    await housekeeping.forget_documents(database)
    assert await value(database, there) == 2, "they were in use until now"
    await execute(database, LONG_AGO)
    await housekeeping.forget_documents(database)
    assert await value(database, there) == 0
    assert await value(database, "SELECT count(*) FROM media WHERE expires_at <= now()") == 1, "its bytes go next"
