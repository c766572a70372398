"""Whose dialog is it?"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LARGEST_ID = 2**63 - 1
OWNS = text("SELECT EXISTS (SELECT FROM dialogs WHERE id = :id AND 'telegram:' || user_id = :owner)")


async def owns_dialog(connection: AsyncConnection, owner: str, dialog_id: int) -> bool:
    if not 0 < dialog_id <= LARGEST_ID:
        return False
    return bool((await connection.execute(OWNS, {"id": dialog_id, "owner": owner})).scalar_one())
