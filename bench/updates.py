"""The updates that are posted: text messages of known users, each of them another one."""

from bench import wire

TOKEN = "1000001:bench-token"
SECRET = "bench-secret"
SECRET_HEADER = f"X-Telegram-Bot-Api-Secret-Token: {SECRET}"
WEBHOOK = "/telegram/webhook"
TEXT = "How was your day? I thought of our walk by the river."

# ten digits, so that every update has the same length
FIRST_USER = 2_000_000_001


def update(number: int, text: str = TEXT) -> bytes:
    """The update `number` as Telegram posts it: a text message of the user of the same number."""
    user = FIRST_USER + number
    person = f'"id":{user},"first_name":"Anna","username":"anna_{user}"'
    return (
        f'{{"update_id":{1_000_000_000 + number},"message":{{"message_id":{10_000_000 + number},'
        f'"from":{{{person},"is_bot":false,"language_code":"en"}},"chat":{{{person},"type":"private"}},'
        f'"date":1790000000,"text":"{text}"}}}}'
    ).encode()


def post(number: int, text: str = TEXT) -> bytes:
    """The whole HTTP request that carries it."""
    return wire.request(WEBHOOK, update(number, text), SECRET_HEADER)
