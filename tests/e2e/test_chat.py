"""A person writes, and the answer is pushed back: through Telegram's wire, the door, a worker process and providers."""

from tests.e2e.stack import Stack, until


async def test_start_words_and_a_picture(stack: Stack) -> None:
    await stack.start_worker()
    anna = await stack.user("ru")
    await stack.say(anna, "/start")
    welcome, card = await stack.until_bot_said(anna, 2)
    assert "Привет, Anna!" in welcome["text"]
    await stack.say(anna, "/start lina")
    greeting = (await stack.until_bot_said(anna, 3))[-1]
    assert greeting["photo"][-1] == card["photo"][-1], "by the name that Telegram gave the picture"
    assert "лимонные деревья" in greeting["caption"]

    stack.llm.say(["Рада тебя видеть!"])
    await stack.say(anna, "Привет, Лина")
    reply = (await stack.until_bot_said(anna, 4))[-1]
    assert reply["text"] == "Рада тебя видеть!"
    prompt = stack.llm.requests[-1].body["messages"]
    assert prompt[0]["role"] == "system"
    assert "Lina" in prompt[0]["content"]
    assert prompt[-1] == {"role": "user", "content": "Привет, Лина"}

    await stack.say(anna, "/generate рыжая лиса")
    picture = (await stack.until_bot_said(anna, 5))[-1]
    assert picture["caption"] == "рыжая лиса"
    assert picture["photo"][-1]["width"] == 1024
    actions = (await stack.telegram.get("/sandbox/calls?method=sendChatAction")).json()
    assert {call["params"]["action"] for call in actions} >= {"typing", "upload_photo"}

    rows = await stack.query("SELECT kind, status, usage FROM jobs ORDER BY created_at")
    assert [(row.kind, row.status) for row in rows] == [
        ("generate_reply", "completed"),
        ("generate_image", "completed"),
    ]
    assert rows[0].usage["completion_tokens"] > 0
    assert rows[1].usage["gpu_seconds"] > 0
    left = await until(
        lambda: stack.query("SELECT task_name FROM procrastinate_jobs WHERE task_name <> 'sweep'"),
        lambda rows: not rows,
    )
    assert left == []


async def test_two_messages_sent_while_a_reply_is_written_are_answered_once_together_in_order(stack: Stack) -> None:
    await stack.start_worker()
    anna = await stack.user()
    stack.llm.pause()
    await stack.say(anna, "one")
    await stack.llm.wait_for_requests(1)
    for words in ("two", "three"):
        await stack.say(anna, words)
    stored = "SELECT content FROM chat_messages WHERE role = 'user' ORDER BY id"
    await until(lambda: stack.query(stored), lambda rows: len(rows) == 3)
    stack.llm.say(["about one", "about two and three"])
    stack.llm.resume()

    replies = await stack.until_bot_said(anna, 2)
    assert [reply["text"] for reply in replies] == ["about one", "about two and three"]
    assert len(stack.llm.requests) == 2
    last = [(message["role"], message["content"]) for message in stack.llm.requests[1].body["messages"][1:]]
    assert last == [("user", "one"), ("assistant", "about one"), ("user", "two"), ("user", "three")]


async def test_a_commit_wakes_an_idle_worker_without_its_fallback_fetch(stack: Stack) -> None:
    await stack.start_worker("llm,telegram", "--fetch-job-polling-interval=600")
    anna = await stack.user()
    await stack.say(anna, "hello")
    # ten minutes until the next look: only a notification brings these
    assert (await stack.until_bot_said(anna, 1))[0]["text"] == "hello"
    await stack.say(anna, "again")
    assert (await stack.until_bot_said(anna, 2))[1]["text"] == "again"


async def test_for_a_person_who_blocked_the_bot_nothing_is_made_until_they_are_back(stack: Stack) -> None:
    anna = await stack.user()
    await stack.say(anna, "hello")
    await until(lambda: stack.query("SELECT 1 FROM jobs"), bool)
    await stack.telegram.post(f"/sandbox/users/{anna}/block")
    await until(lambda: stack.query("SELECT 1 FROM jobs WHERE status = 'cancelled'"), bool)
    await stack.start_worker()
    assert await stack.query("SELECT 1 FROM telegram_users WHERE blocked_at IS NOT NULL")
    assert await stack.query("SELECT 1 FROM deliveries") == []
    assert (await stack.telegram.get("/sandbox/calls?method=sendMessage")).json() == []

    await stack.telegram.post(f"/sandbox/users/{anna}/unblock")
    await stack.say(anna, "I am back")
    assert (await stack.until_bot_said(anna, 1))[-1]["text"] == "I am back"
