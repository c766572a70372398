"""The pages are closed: to who has no key, to forms of others, to scripts, and to what belongs to somebody else."""

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pytest

from api.media_secret import media_secret
from api.pages.sessions import COOKIE, Session
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.settings import DatabaseSettings
from tests.api.opened_api import ANNA, BORIS, Api, client, new_key, rest_app
from tests.factories import execute, rows, value
from tests.jobs.reports.compared import add_document, store

PAGES = (
    "/analyses", "/analyses/new", f"/analyses/{uuid4()}", "/analyses/rows", "/analyses/events?x=1",
    "/worlds", "/worlds/new", f"/worlds/{uuid4()}", f"/worlds/{uuid4()}/people/lina", "/worlds/rows", "/worlds/events",
)  # fmt: skip


@asynccontextmanager
async def person(api: Api, key: str | None = None, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a screen, logged in where there is a key."""
    transport = httpx.ASGITransport(api.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as http:
        if key:
            answer = await log_in(http, key)
            assert (answer.status_code, answer.headers["location"]) == (303, "/analyses")
        yield http


async def log_in(http: httpx.AsyncClient, key: str, **more: str) -> httpx.Response:
    token = csrf((await http.get("/login")).text)
    return await http.post("/login", data={"csrf": token, "key": key, **more})


def csrf(page: str) -> str:
    found = re.search(r'<meta name="csrf" content="([^"]+)">', page)
    assert found
    return found[1]


async def two_documents(api: Api, owner: str) -> list[str]:
    async with api.database.transaction() as connection:
        return [str(await add_document(connection, owner, f"{name}.pdf", name * 64)) for name in "ab"]


async def test_a_login_is_a_cookie_that_scripts_cannot_read_and_that_ends(api: Api) -> None:
    key = await new_key(api.database, ANNA)
    async with person(api) as http:
        for path in PAGES:
            answer = await http.get(path)
            assert (answer.status_code, answer.headers["location"][:12]) == (303, "/login?next=")
        refused = await log_in(http, "pg_000000000000_wrong")
        assert (refused.status_code, "not known" in refused.text) == (401, True)
        stranger = http.cookies[COOKIE]
        entered = await log_in(http, key, next="/analyses/new")
        assert entered.headers["location"] == "/analyses/new"
        [cookie] = [each for each in entered.headers.get_list("set-cookie") if each.startswith(COOKIE)]
        for word in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=43200"):
            assert word in cookie
        assert http.cookies[COOKIE] != stranger, "what was known before the login is worth nothing after it"
        page = await http.get("/analyses")
        assert page.status_code == 200
        policy = page.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        # a changed cookie is none
        good = http.cookies[COOKIE]
        body, _, signature = good.partition(".")
        for forged in (f"{body}x.{signature}", f"{body}.{signature[:-2]}xx", "x.y", "", f"{body}."):
            http.cookies.set(COOKIE, forged, domain="api.local", path="/")
            http.cookies.clear()
            answer = await http.get("/analyses", headers={"Cookie": f"{COOKIE}={forged}"})
            assert answer.status_code == 303
        # nor is one that nobody began a session with, though we could have signed it
        unknown = Session("nonce", await value(api.database, "SELECT min(key_id::text)::uuid FROM page_sessions"),
                          datetime.now(UTC), await page_secret(api))  # fmt: skip
        for cookie, status in ((good, 200), (unknown.cookie(), 303)):
            assert (await http.get("/analyses", headers={"Cookie": f"{COOKIE}={cookie}"})).status_code == status


async def page_secret(api: Api) -> bytes:
    return hmac.digest(await media_secret(api.app), b"sessions of the pages", hashlib.sha256)


async def test_every_form_needs_the_token_of_its_own_session(api: Api) -> None:
    documents = await two_documents(api, ANNA)
    keys = [await new_key(api.database, owner) for owner in (ANNA, BORIS)]
    async with person(api, keys[0]) as anna, person(api, keys[1]) as boris:
        foreign = csrf((await boris.get("/analyses")).text)
        form = {"title": "Lease 26", "document": documents, "looks_for": ["differences"], "report_format": ["md"]}
        acts = [f"/analyses/{uuid4()}/{act}" for act in ("cancel", "retry", "delete")]
        acts += [f"/worlds/{uuid4()}/{act}" for act in ("cancel", "retry")]
        posts = ["/analyses", "/worlds", "/logout", "/login", *acts]
        for token in ("", foreign, "x.y"):
            for path in posts:
                answer = await anna.post(path, data={**form, "csrf": token})
                assert answer.status_code == 403, path
                assert "Load the page again" in answer.text
            upload = await anna.post(
                "/analyses/documents", files={"file": ("a.txt", b"text")},
                headers={"X-CSRF-Token": token, "X-Requested-With": "fetch"},
            )  # fmt: skip
            assert upload.status_code == 403
        assert await rows(api.database, "SELECT 1 FROM jobs") == []
        own = csrf((await anna.get("/analyses/new")).text)
        unnamed = await anna.post("/analyses", data={**form, "csrf": own, "model": "two words"})
        assert (unnamed.status_code, "no spaces" in unnamed.text) == (422, True)
        begun = await anna.post("/analyses", data={**form, "csrf": own, "language": "ru", "remember": "yes",
                                                      "model": " small:1b "})  # fmt: skip
        assert begun.status_code == 303, begun.text
        assert (await anna.get("/v1/preferences")).status_code == 401, "the cookie is for the pages only"
        assert (await api.anna.get("/v1/preferences")).json() == {"report_formats": ["md"], "language": "ru"}
        [made] = (await api.anna.get("/v1/comparisons")).json()["comparisons"]
        assert (made["title"], [each["id"] for each in made["documents"]]) == ("Lease 26", documents)
        assert made["model"] == "small:1b", "the form had no place for the model"

        # somebody else's: as if it were not there
        token = csrf((await boris.get("/analyses")).text)
        for path in ("", "/state", "/report", "/report?format=md", "/events"):
            assert (await boris.get(f"/analyses/{made['id']}{path}")).status_code == 404
        for act in ("cancel", "retry", "delete"):
            assert (await boris.post(f"/analyses/{made['id']}/{act}", data={"csrf": token})).status_code == 404
        theirs = await boris.post("/analyses", data={**form, "csrf": token})
        assert (theirs.status_code, "Some of the documents are not there" in theirs.text) == (422, True)
        assert (await boris.get(f"/analyses/documents/{documents[0]}")).status_code == 404
        assert made["title"] not in (await boris.get("/analyses")).text
        shown = await anna.get(f"/analyses/{made['id']}")
        assert "waiting" in shown.text
        gone = await anna.post(f"/analyses/{made['id']}/delete", data={"csrf": own})
        assert gone.headers["location"] == "/analyses"
        [job] = await rows(api.database, "SELECT status FROM jobs")
        assert job["status"] == "cancelled"
        left = await anna.post("/logout", data={"csrf": own})
        assert left.headers["location"] == "/login"
        assert (await anna.get("/analyses")).status_code == 303


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/analyses/\\..", "/docs", "/analysesevil", "x\r\ny"],
)
async def test_a_login_leads_nowhere_else(api: Api, elsewhere: str) -> None:
    async with person(api) as http:
        answer = await log_in(http, await new_key(api.database, ANNA), next=elsewhere)
        assert answer.headers["location"] == "/analyses"
        answer = await http.get("/language/ru", params={"next": elsewhere})
        assert answer.headers["location"] == "/analyses"


async def test_the_language_is_the_browsers_or_the_chosen_one_and_nothing_else_is_served(api: Api) -> None:
    async with person(api, **{"Accept-Language": "uk-UA,en;q=0.5"}) as http:
        page = await http.get("/login")
        assert '<html lang="ru">' in page.text
        await http.get("/language/en")
        assert '<html lang="en">' in (await http.get("/login")).text
        await http.get("/language/xx")
        assert '<html lang="en">' in (await http.get("/login")).text
        for name, status in (("pages.css", 200), ("worlds/live.js", 200), ("..%2fpages.py", 404), ("pages.py", 404)):
            assert (await http.get(f"/assets/{name}")).status_code == status
    async with person(api, await new_key(api.database, ANNA)) as http:
        missing = await http.get("/analyses/nothing")
        assert (missing.status_code, "nothing here" in missing.text) == (404, True)


async def test_behind_https_the_cookie_is_sent_over_https_only(api: Api) -> None:
    api.app.state.public_url = "https://shop.example"
    async with person(api) as http:
        answer = await http.get("/login")
        assert "Secure" in answer.headers["set-cookie"]


async def test_while_the_database_is_away_a_page_says_so(database_url: str) -> None:
    app = rest_app(database_url)
    async with app.router.lifespan_context(app), client(app) as http:
        assert (await log_in(http, await new_key(app.state.database, ANNA))).status_code == 303
        assert (await http.get("/analyses")).status_code == 200
        await app.state.database.aclose()
        gone = Database(DatabaseSettings(database_url="postgresql://nobody:secret@127.0.0.1:9/none", _env_file=None))
        app.state.database, opened = gone, app.state.database
        answer = await http.get("/analyses/new", headers={"Accept-Language": "ru"})
        app.state.database = opened
        await gone.aclose()
        assert (answer.status_code, "База данных сейчас не отвечает" in answer.text) == (503, True)
        assert (await http.get("/analyses/new")).status_code == 200


async def compared(api: Api, status: str = "completed") -> UUID:
    documents = [UUID(each) for each in await two_documents(api, ANNA)]
    async with api.database.transaction() as connection:
        made = NewJob("generate_reply", {"persona": "lina", "user_message": "x"}, ANNA)
        job = await api.app.state.intake.submit(connection, made)
        comparison_id = await store(connection, ANNA, documents, job.id)
    await end_jobs(api, status)
    return comparison_id


async def end_jobs(api: Api, status: str) -> None:
    await execute(api.database, "UPDATE jobs SET status = 'processing'", f"UPDATE jobs SET status = '{status}'")


async def test_what_is_refused_and_what_is_forgotten_is_told_in_the_language_of_the_page(api: Api) -> None:
    way = f"/analyses/{await compared(api, 'failed')}"
    async with person(api, await new_key(api.database, ANNA), **{"Accept-Language": "ru"}) as http:
        given = {"csrf": csrf((await http.get(way)).text)}
        assert [(await http.post(f"{way}/retry", data=given)).status_code for _ in range(2)] == [303, 303], "two tabs"
        assert await value(api.database, "SELECT retries FROM jobs") == 1
        await end_jobs(api, "completed")
        refused = await http.post(f"{way}/retry", data=given)
        assert (refused.status_code, "Повторить можно только" in refused.text) == (409, True)
        form = {**given, "title": "x", "document": [str(uuid4()), str(uuid4())], "question": "?", "report_format": "md"}
        unknown = await http.post("/analyses", data=form)
        assert (unknown.status_code, "Некоторых из этих документов уже нет" in unknown.text) == (422, True)

        # its job was forgotten before it had a result
        await execute(api.database, "UPDATE comparisons SET finished_at = NULL", "DELETE FROM jobs")
        page = (await http.get(way)).text
        assert "причина больше не хранится" in page
        assert f"{way}/retry" not in page, "there is nothing left that could be tried again"


async def test_a_report_that_takes_long_is_promised_on_a_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.answers.report_answer.WAIT_SECONDS", 0.05)
    comparison_id = await compared(api)
    async with person(api, await new_key(api.database, ANNA)) as http:
        where = f"/analyses/{comparison_id}/report?format=pdf"
        answer = await http.get(where)
        assert (answer.status_code, f'href="{where}"' in answer.text) == (202, True)
        assert "still being made" in answer.text
        page = (await http.get(f"/analyses/{comparison_id}")).text
        assert "<h1>Договоры &lt;b&gt;1&lt;/b&gt;</h1>" in page
        assert "тридцать дней" in page
