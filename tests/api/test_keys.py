"""Keys: made, shown once, kept as a hash, limited in what they open, ended by time or by an admin."""

from datetime import UTC, datetime, timedelta

from jobs.db.access import api_keys
from tests.api.opened_api import ANNA, OPERATOR, Api, client, new_key
from tests.factories import execute, rows, value


async def test_a_key_is_shown_once_and_opens_its_owners_jobs(api: Api) -> None:
    made = await api.admin.post("/v1/keys", json={"owner": ANNA, "name": "second", "requests_per_minute": 60})
    assert made.status_code == 201
    key = made.json()["key"]
    assert key.startswith(f"pg_{made.json()['prefix']}_")
    accepted = await api.anna.post("/v1/jobs", json={"kind": "generate_image", "input": {"prompt": "x"}})
    async with client(api.app, key) as http:
        assert (await http.get(accepted.json()["urls"]["self"])).status_code == 200
    listed = await api.admin.get("/v1/keys")
    assert key not in listed.text
    secret = key.rpartition("_")[2]
    for row in await rows(api.database, "SELECT api_keys::text AS words FROM api_keys"):
        assert secret not in row["words"]
        assert secret.encode().hex() not in row["words"]


async def test_a_key_without_an_owner_begins_an_account_of_its_own(api: Api) -> None:
    owners = {(await api.admin.post("/v1/keys", json={})).json()["owner"] for _ in range(2)}
    assert len(owners) == 2
    assert all(owner.startswith("account:") for owner in owners)


async def test_nobody_gets_at_a_chat_through_a_key(api: Api) -> None:
    for owner in ("telegram:7", "TELEGRAM:7", " telegram:7", "", "x" * 201, "a\x00b"):
        answer = await api.admin.post("/v1/keys", json={"owner": owner})
        assert answer.status_code == 422, owner
        assert answer.json()["errors"][0]["pointer"] == "/owner"


async def test_what_a_key_cannot_be(api: Api) -> None:
    for member, wrong in (
        ("scopes", []), ("scopes", ["root"]), ("requests_per_minute", 0), ("requests_per_minute", 10**7),
        ("open_jobs", 0), ("expires_at", "2020-01-01T00:00:00Z"), ("expires_at", "9999-12-31T23:59:59-14:00"),
        ("name", "\x00"), ("hash", "x"),
    ):  # fmt: skip
        answer = await api.admin.post("/v1/keys", json={member: wrong})
        assert answer.status_code == 422, (member, answer.text)
        assert answer.json()["errors"][0]["pointer"].startswith(f"/{member}")
    assert await value(api.database, "SELECT count(*) FROM api_keys") == 3


async def test_only_admins_deal_with_keys(api: Api) -> None:
    only_admin = await new_key(api.database, OPERATOR, scopes=("admin",))
    async with client(api.app, only_admin) as http:
        assert (await http.get("/v1/keys")).status_code == 200
        assert (await http.get("/v1/jobs")).status_code == 200, "admin includes jobs"
    [key_id] = [row["id"] for row in await rows(api.database, "SELECT id FROM api_keys WHERE owner = :o", o=ANNA)]
    for method, path in (("GET", "/v1/keys"), ("POST", "/v1/keys"), ("DELETE", f"/v1/keys/{key_id}")):
        assert (await api.anna.request(method, path, json={})).status_code == 403
        assert (await api.nobody.request(method, path, json={})).status_code == 401


async def test_a_revoked_key_opens_nothing_from_that_moment(api: Api) -> None:
    made = (await api.admin.post("/v1/keys", json={"owner": ANNA})).json()
    async with client(api.app, made["key"]) as http:
        assert (await http.get("/v1/jobs")).status_code == 200
        revoked = [await api.admin.delete(f"/v1/keys/{made['id']}") for _ in range(2)]
        assert [each.status_code for each in revoked] == [200, 200]
        assert revoked[0].json()["revoked_at"] == revoked[1].json()["revoked_at"] is not None
        refused = await http.get("/v1/jobs")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_key")
    assert (await api.anna.get("/v1/jobs")).status_code == 200, "the owner's other keys go on"
    assert (await api.admin.delete("/v1/keys/00000000-0000-0000-0000-000000000000")).status_code == 404


async def test_an_expired_key_opens_nothing(api: Api) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    made = (await api.admin.post("/v1/keys", json={"expires_at": soon.isoformat()})).json()
    async with client(api.app, made["key"]) as http:
        assert (await http.get("/v1/jobs")).status_code == 200
        await execute(api.database, "UPDATE api_keys SET expires_at = now() WHERE expires_at IS NOT NULL")
        assert (await http.get("/v1/jobs")).status_code == 401


async def test_what_is_not_a_key(api: Api) -> None:
    key = api.anna.headers["Authorization"].removeprefix("Bearer ")
    _, prefix, secret = key.split("_")
    other = "0" * len(secret)
    for header in (
        "Bearer", "Bearer ", "Bearer x", "Bearer pg_", "Bearer pg__", f"Bearer pg_{prefix}", f"Bearer pg_{prefix}_",
        f"Bearer pg_{prefix}_{other}", f"Bearer pg_{'0' * 12}_{secret}", f"Bearer {key}x", f"Basic {key}", key,
        f"Bearer pg_{prefix}_{secret[:-1]}", "Bearer pg_\x00_\x00", "Bearer pg_'--_x",
    ):  # fmt: skip
        answer = await api.nobody.get("/v1/jobs", headers=[(b"Authorization", header.encode())])
        assert answer.status_code == 401, header
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert secret not in answer.text
    strange = await api.nobody.get("/v1/jobs", headers=[(b"Authorization", "Bearer pg_ключ_é".encode())])
    assert strange.status_code == 401


async def test_a_wrong_secret_uses_up_nothing_of_the_key(api: Api) -> None:
    _, prefix, _ = api.anna.headers["Authorization"].split("_")
    for _ in range(3):
        await api.nobody.get("/v1/jobs", headers={"Authorization": f"Bearer pg_{prefix}_wrong"})
    assert await rows(api.database, "SELECT * FROM rate_limits") == []
    assert await value(api.database, "SELECT max(last_used_at) FROM api_keys") is None


async def test_the_last_use_is_shown_and_written_once_a_minute(api: Api) -> None:
    await api.anna.get("/v1/jobs")
    first = await value(api.database, "SELECT last_used_at FROM api_keys WHERE owner = :o", o=ANNA)
    assert first is not None
    await api.anna.get("/v1/jobs")
    assert await value(api.database, "SELECT last_used_at FROM api_keys WHERE owner = :o", o=ANNA) == first
    await execute(api.database, "UPDATE api_keys SET last_used_at = now() - interval '2 minutes'")
    await api.anna.get("/v1/jobs")
    assert await value(api.database, "SELECT last_used_at FROM api_keys WHERE owner = :o", o=ANNA) > first
    shown = {each["owner"]: each["last_used_at"] for each in (await api.admin.get("/v1/keys")).json()["keys"]}
    assert shown[ANNA] is not None


async def test_pages_of_keys(api: Api) -> None:
    for _ in range(4):
        await new_key(api.database, ANNA)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await api.admin.get("/v1/keys", params={"limit": 3, **cursor})).json()
        seen += [key["id"] for key in page["keys"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 7


def test_keys_are_long_and_never_the_same() -> None:
    keys = {api_keys.new_key()[0] for _ in range(100)}
    assert len(keys) == 100
    assert {len(key) for key in keys} == {3 + 12 + 1 + 48}
