"""Where a provider may call us back, once the door can tell its calls from forged ones."""

from uuid import UUID

from jobs.db.access import installation_secrets
from jobs.db.session import Database
from jobs.errors import TemporaryError
from jobs.providers.image_provider import ImageProvider
from jobs.signatures import secret_bytes


class Callbacks:
    """`given`: providers whose secret the operator has set."""

    def __init__(self, database: Database, public_url: str, given: frozenset[str] = frozenset()) -> None:
        self.database = database
        self.public_url = public_url.rstrip("/")
        self.known = set(given)

    async def url_for(self, provider: ImageProvider, order_id: UUID) -> str | None:
        """The provider is asked for its secret, if nobody knows it yet: its calls must be verified before it makes any.

        Raises what asking fails with.
        """
        url = provider.callback_url(self.public_url, order_id) if self.public_url else None
        if url and provider.provider not in self.known:
            if secret := await provider.callback_secret():
                await self._keep(provider.provider, secret)
            self.known.add(provider.provider)
        return url

    async def _keep(self, provider: str, secret: str) -> None:
        try:
            secret_bytes(secret)
        except ValueError as error:
            words = f"{provider} signs its calls with a secret that cannot be used: {error}"
            raise TemporaryError(words, code="image_provider_unreadable") from None
        async with self.database.transaction() as connection:
            await installation_secrets.keep(connection, f"callbacks:{provider}", secret.encode())
