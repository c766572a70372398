"""What the bot asks Telegram to post, and how many posts at once."""

# what webhook/handlers listen to; a test holds the two together
ALLOWED_UPDATES = ["message", "callback_query", "pre_checkout_query", "my_chat_member"]

# as many as the webhook app has database connections
MAX_CONNECTIONS = 20

WEBHOOK_PATH = "/telegram/webhook"
