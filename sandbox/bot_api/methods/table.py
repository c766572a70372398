"""Which method has which name? Names are compared without case, as Telegram does."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.methods import answering, editing, files, me, paying, profile, progress, sending, webhook
from sandbox.bot_api.params import Params

Method = Callable[[Bot, Params], Awaitable[Any]]

NAMED: Mapping[str, Method] = {
    "getMe": me.get_me,
    "getChat": me.get_chat,
    "logOut": me.accept,
    "close": me.accept,
    "setWebhook": webhook.set_webhook,
    "deleteWebhook": webhook.delete_webhook,
    "getWebhookInfo": webhook.get_webhook_info,
    "getUpdates": webhook.get_updates,
    "sendMessage": sending.send_message,
    "sendPhoto": sending.send_photo,
    "sendDocument": sending.send_document,
    "sendMediaGroup": sending.send_media_group,
    "sendChatAction": progress.send_chat_action,
    "sendMessageDraft": progress.send_message_draft,
    "editMessageText": editing.edit_message_text,
    "editMessageCaption": editing.edit_message_caption,
    "editMessageMedia": editing.edit_message_media,
    "editMessageReplyMarkup": editing.edit_message_reply_markup,
    "deleteMessage": editing.delete_message,
    "deleteMessages": editing.delete_messages,
    "answerCallbackQuery": answering.answer_callback_query,
    "answerPreCheckoutQuery": answering.answer_pre_checkout_query,
    "getFile": files.get_file,
    "setMyCommands": profile.set_my_commands,
    "getMyCommands": profile.get_my_commands,
    "deleteMyCommands": profile.delete_my_commands,
    "setMyName": profile.setter("name"),
    "getMyName": profile.getter("name"),
    "setMyDescription": profile.setter("description"),
    "getMyDescription": profile.getter("description"),
    "setMyShortDescription": profile.setter("short_description"),
    "getMyShortDescription": profile.getter("short_description"),
    "sendInvoice": paying.send_invoice,
    "refundStarPayment": paying.refund_star_payment,
    "getStarTransactions": paying.get_star_transactions,
    "getMyStarBalance": paying.get_my_star_balance,
}

METHODS: Mapping[str, Method] = MappingProxyType({name.lower(): method for name, method in NAMED.items()})
FLOOD_CONTROLLED = frozenset(
    name for name in METHODS if name.startswith(("send", "editmessage")) and name != "sendchataction"
)
