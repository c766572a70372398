"""There is not enough: what it costs, what is missing, and when it will be there by itself."""

from jobs.companion.wallet.prices import Price
from jobs.errors import PermanentError


class InsufficientFunds(PermanentError):
    """Nothing was taken. `seconds`: after so many there will be enough; None if only a purchase helps."""

    code = "insufficient_funds"
    blame = "client"

    def __init__(self, price: Price, balance: int, seconds: float | None) -> None:
        self.price = price
        self.balance = balance
        self.missing = price.amount - balance
        self.seconds = seconds
        super().__init__(
            f"This costs {price.amount} of {price.unit}, and there are {balance}: {self.missing} more are needed."
        )
