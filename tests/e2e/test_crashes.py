"""`kill -9` of a worker: one stored result, and a message that is sent once or visibly unknown, never silently lost."""

import pytest

from tests.e2e.stack import Stack, until

SETTLED = "SELECT status, message_id FROM deliveries WHERE status NOT IN ('pending', 'sending')"


async def test_killed_in_the_middle_of_a_kind_it_runs_again_elsewhere_and_answers_once(stack: Stack) -> None:
    worker = await stack.start_worker()
    anna = await stack.user()
    stack.llm.pause()
    await stack.say(anna, "hello")
    await stack.llm.wait_for_requests(1)
    await stack.kill(worker)

    await stack.start_worker()
    await stack.llm.wait_for_requests(2, timeout=40)
    stack.llm.resume()
    await stack.until_bot_said(anna, 1)
    await until(lambda: stack.query(SETTLED), bool)

    [job] = await stack.query("SELECT status, attempt, result FROM jobs")
    assert (job.status, job.attempt) == ("completed", 2)
    replies = await stack.query("SELECT content FROM chat_messages WHERE role = 'assistant'")
    assert [reply.content for reply in replies] == [job.result["reply"]]
    assert [message["text"] for message in await stack.from_bot(anna)] == [job.result["reply"]]


async def test_killed_between_telegrams_answer_and_our_commit_the_delivery_is_unknown_and_not_repeated(
    stack: Stack,
) -> None:
    worker = await stack.start_worker()
    anna = await stack.user()
    stack.gate.open.clear()
    await stack.say(anna, "hello")
    await stack.gate.held.wait()
    await stack.kill(worker)

    await stack.start_worker()
    stack.gate.open.set()
    [delivery] = await until(lambda: stack.query(SETTLED), bool, patience=40)
    assert (delivery.status, delivery.message_id) == ("unknown", None)
    assert len(await stack.from_bot(anna)) == 1
    [job] = await stack.query("SELECT status, attempt FROM jobs")
    assert (job.status, job.attempt) == ("completed", 1)

    # the chat goes on
    await stack.say(anna, "are you there?")
    assert (await stack.until_bot_said(anna, 2))[-1]["text"] == "are you there?"


@pytest.mark.slow
async def test_told_to_stop_it_gives_the_running_job_back_without_counting_an_attempt(stack: Stack) -> None:
    worker = await stack.start_worker()
    anna = await stack.user()
    stack.llm.pause()
    await stack.say(anna, "hello")
    await stack.llm.wait_for_requests(1)
    worker.terminate()
    given_back = "SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' AND task_name = 'run_job'"
    await until(lambda: stack.query(given_back), bool)
    [job] = await stack.query("SELECT status, attempt, run_token FROM jobs")
    assert (job.status, job.attempt, job.run_token) == ("processing", 0, None)

    stack.llm.resume()
    await stack.start_worker()
    await stack.until_bot_said(anna, 1)
    [job] = await stack.query("SELECT status, attempt FROM jobs")
    assert (job.status, job.attempt) == ("completed", 1)
