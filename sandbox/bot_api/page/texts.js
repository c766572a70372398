// What does the page say, in the user's language?
const ENGLISH = {
  people: "People", addUser: "Add a person", firstName: "Name", username: "Username (optional)", language: "Language",
  add: "Add", cancel: "Cancel", back: "Back", commands: "Commands", menu: "Menu", attach: "Attach a file", send: "Send",
  keyboard: "Show or hide the bot's keyboard", write: "Message", bot: "bot", start: "START", block: "Block the bot",
  unblock: "UNBLOCK", unblockTitle: "Unblock the bot", blockQuestion: "Block this bot? It cannot write to you then.",
  nobody: "Nobody is here yet. Add a person and write to the bot as them.",
  sandboxHint: "A local stand-in for Telegram. Nothing leaves this machine.",
  typing: "typing", upload_photo: "sending a photo", upload_document: "sending a file", upload_video: "sending a video",
  record_voice: "recording a voice message", upload_voice: "sending a voice message", choose_sticker: "choosing a sticker",
  record_video: "recording a video", record_audio: "recording audio", upload_audio: "sending audio",
  find_location: "choosing a place", pick_up_location: "choosing a place", record_video_note: "recording a video",
  upload_video_note: "sending a video", thinking: "Thinking…", stop: "Stop", edited: "edited", edit: "Edit",
  editing: "Editing the message", you: "You", photo: "Photo", file: "File", invoice: "Invoice", today: "Today",
  yesterday: "Yesterday", whatCanBotDo: "What can this bot do?", payQuestion: (n, bot) => `Pay ★ ${n} to ${bot}?`,
  pay: "Pay", paid: (n) => `You paid ★ ${n}`, refunded: (n) => `★ ${n} were returned to you`,
  declined: "The payment was declined: ", timedOut: "The bot did not confirm the payment within 10 seconds.",
  unsupported: "The sandbox does not do what this button does.", copied: "Copied", noMessages: "No messages yet",
  noWebhook: "The bot has not set a webhook and does not ask for updates: nothing reaches it.",
  unreached: (error) => `The bot has not taken the last message (${error}). Trying again.`, waiting: "not answered yet",
  disconnected: "The sandbox does not answer. Reconnecting…", noAnswer: "The bot did not answer the button.",
};
const RUSSIAN = {
  people: "Люди", addUser: "Добавить человека", firstName: "Имя", username: "Имя пользователя (не обязательно)",
  language: "Язык", add: "Добавить", cancel: "Отмена", back: "Назад", commands: "Команды", menu: "Меню",
  attach: "Прикрепить файл", send: "Отправить", keyboard: "Показать или скрыть клавиатуру бота", write: "Сообщение",
  bot: "бот", start: "СТАРТ", block: "Заблокировать бота", unblock: "РАЗБЛОКИРОВАТЬ", unblockTitle: "Разблокировать бота",
  blockQuestion: "Заблокировать бота? Он больше не сможет вам писать.",
  nobody: "Здесь пока никого нет. Добавьте человека и напишите боту от его имени.",
  sandboxHint: "Местная замена Telegram. Ничто не покидает этот компьютер.",
  typing: "печатает", upload_photo: "отправляет фото", upload_document: "отправляет файл",
  upload_video: "отправляет видео", record_voice: "записывает голосовое", upload_voice: "отправляет голосовое",
  choose_sticker: "выбирает стикер", record_video: "записывает видео", record_audio: "записывает аудио",
  upload_audio: "отправляет аудио", find_location: "выбирает место", pick_up_location: "выбирает место",
  record_video_note: "записывает видео", upload_video_note: "отправляет видео", thinking: "Думает…", stop: "Стоп",
  edited: "изменено", edit: "Изменить", editing: "Изменение сообщения", you: "Вы", photo: "Фото", file: "Файл",
  invoice: "Счёт", today: "Сегодня", yesterday: "Вчера", whatCanBotDo: "Что умеет этот бот?",
  payQuestion: (n, bot) => `Заплатить ★ ${n} боту ${bot}?`, pay: "Заплатить", paid: (n) => `Вы заплатили ★ ${n}`,
  refunded: (n) => `Вам вернули ★ ${n}`, declined: "Платёж отклонён: ",
  timedOut: "Бот не подтвердил платёж за 10 секунд.", unsupported: "Песочница не умеет того, что делает эта кнопка.",
  copied: "Скопировано", noMessages: "Сообщений пока нет",
  noWebhook: "Бот не установил вебхук и не запрашивает обновления: до него ничего не доходит.",
  unreached: (error) => `Бот не принял последнее сообщение (${error}). Пробуем снова.`, waiting: "ещё без ответа",
  disconnected: "Песочница не отвечает. Соединяемся снова…", noAnswer: "Бот не ответил на нажатие.",
};
const CYRILLIC = ["ru", "uk", "be", "kk"];

export function textsFor(languageCode) {
  return CYRILLIC.includes((languageCode || "en").slice(0, 2)) ? RUSSIAN : ENGLISH;
}
