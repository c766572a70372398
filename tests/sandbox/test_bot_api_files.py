"""Photos and documents: uploads, sizes, file_id, download, albums."""

import io
import json

import httpx
import pytest
from PIL import Image

from sandbox.bot_api.rehearsal import TOKEN, Stage, rehearsal


def picture(width: int = 900, height: int = 600) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(output, "PNG")
    return output.getvalue()


async def upload(stage: Stage, method: str, data: dict[str, str], files: dict[str, bytes]) -> httpx.Response:
    named = {name: (f"{name}.png", content, "image/png") for name, content in files.items()}
    return await stage.http.post(f"/bot{TOKEN}/{method}", data=data, files=named)


@pytest.mark.parametrize("way", ["field", "attach"])
async def test_a_photo_is_uploaded_resized_and_sent_again_by_its_id(way: str) -> None:
    async with rehearsal() as stage:
        user = str(await stage.user())
        data = {"chat_id": user, "caption": "<b>sea</b>", "parse_mode": "HTML"}
        if way == "attach":
            data["photo"] = "attach://picture"
        name = "picture" if way == "attach" else "photo"
        answer = (await upload(stage, "sendPhoto", data, {name: picture()})).json()
        sizes = answer["result"]["photo"]
        again = await stage.call("sendPhoto", chat_id=user, photo=sizes[-1]["file_id"], caption="other")
        shown = await stage.http.get(f"/sandbox/files/{sizes[-1]['file_id']}")
        original = await stage.http.get(f"/sandbox/files/{sizes[-1]['file_id']}?original=true")
    assert [(size["width"], size["height"]) for size in sizes] == [(90, 60), (320, 213), (800, 533), (900, 600)]
    assert len({size["file_unique_id"] for size in sizes}) == 4
    assert answer["result"]["caption"] == "sea"
    assert answer["result"]["caption_entities"] == [{"type": "bold", "offset": 0, "length": 3}]
    assert again["photo"] == sizes
    assert again["caption"] == "other"
    assert Image.open(io.BytesIO(shown.content)).format == "JPEG"
    assert len(shown.content) == sizes[-1]["file_size"]
    assert original.content == picture()


async def test_get_file_leads_to_the_bytes() -> None:
    async with rehearsal() as stage:
        user = str(await stage.user())
        answer = await upload(stage, "sendDocument", {"chat_id": user}, {"document": b"words"})
        document = answer.json()["result"]["document"]
        found = await stage.call("getFile", file_id=document["file_id"])
        content = await stage.http.get(f"/file/bot{TOKEN}/{found['file_path']}")
        wrong = await stage.http.get(f"/file/bot{TOKEN}/documents/none.bin")
        unknown = await stage.refusal("getFile", file_id="nonsense")
    assert document["file_name"] == "document.png"
    assert document["file_size"] == found["file_size"] == 5
    assert content.content == b"words"
    assert wrong.status_code == 404
    assert unknown == (400, "Bad Request: invalid file_id")


@pytest.mark.parametrize(
    ("content", "description"),
    [
        (b"no picture", "Bad Request: IMAGE_PROCESS_FAILED"),
        (b"", "Bad Request: file must be non-empty"),
        (picture(2100, 100), "Bad Request: PHOTO_INVALID_DIMENSIONS"),
        (
            b"x" * (10 * 1024 * 1024 + 1),
            "Bad Request: file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes",
        ),
    ],
)
async def test_a_bad_photo_is_refused(content: bytes, description: str) -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        response = await upload(stage, "sendPhoto", {"chat_id": str(user)}, {"photo": content})
        assert (response.status_code, response.json()["description"]) == (400, description)
        assert await stage.bot_messages(user) == []


async def test_wrong_identifiers_and_captions_are_refused() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        assert await stage.refusal("sendPhoto", chat_id=user) == (400, "Bad Request: there is no photo in the request")
        wrong = (400, "Bad Request: wrong file identifier/HTTP URL specified")
        assert await stage.refusal("sendPhoto", chat_id=user, photo="AgACnonsense") == wrong
        sent = (await upload(stage, "sendPhoto", {"chat_id": str(user)}, {"photo": picture()})).json()["result"]
        photo = sent["photo"][-1]["file_id"]
        assert await stage.refusal("sendDocument", chat_id=user, document=photo) == (
            400,
            "Bad Request: type of file mismatch",
        )
        too_long = (400, "Bad Request: message caption is too long")
        assert await stage.refusal("sendPhoto", chat_id=user, photo=photo, caption="x" * 1025) == too_long
        where = {"chat_id": user, "message_id": sent["message_id"]}
        assert await stage.refusal("editMessageText", **where, text="x") == (
            400,
            "Bad Request: there is no text in the message to edit",
        )
        assert (await stage.call("editMessageCaption", **where, caption="x" * 1024))["caption"] == "x" * 1024


async def test_a_placeholder_becomes_a_picture() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        waiting = await stage.call("sendMessage", chat_id=user, text="one moment")
        media = json.dumps({"type": "photo", "media": "attach://new", "caption": "here", "has_spoiler": True})
        data = {"chat_id": str(user), "message_id": str(waiting["message_id"]), "media": media}
        edited = (await upload(stage, "editMessageMedia", data, {"new": picture()})).json()["result"]
        repeated = {"type": "photo", "media": edited["photo"][-1]["file_id"], "caption": "here", "has_spoiler": True}
        same = await stage.refusal("editMessageMedia", chat_id=user, message_id=waiting["message_id"], media=repeated)
    assert edited["message_id"] == waiting["message_id"]
    assert "text" not in edited
    assert edited["has_media_spoiler"] is True
    assert same[1].startswith("Bad Request: message is not modified")


async def test_an_album_arrives_whole_or_not_at_all() -> None:
    async with rehearsal() as stage:
        user = await stage.user()
        good = [{"type": "photo", "media": "attach://a", "caption": "first"}, {"type": "photo", "media": "attach://b"}]
        files = {"a": picture(), "b": picture(300, 300)}
        data = {"chat_id": str(user), "media": json.dumps(good)}
        album = (await upload(stage, "sendMediaGroup", data, files)).json()["result"]
        broken = {"chat_id": str(user), "media": json.dumps([good[0], {"type": "photo", "media": "attach://missing"}])}
        refused = await upload(stage, "sendMediaGroup", broken, files)
        seen = await stage.bot_messages(user)
    assert len({message["media_group_id"] for message in album}) == 1
    assert [message["message_id"] for message in seen] == [message["message_id"] for message in album]
    assert refused.status_code == 400


async def test_a_user_can_send_files_too() -> None:
    async with rehearsal() as stage:
        await stage.set_webhook()
        user = await stage.user()
        form = {"photo": "true", "caption": "look"}
        response = await stage.http.post(
            f"/sandbox/users/{user}/files", data=form, files={"file": ("a.png", picture(), "image/png")}
        )
        assert response.status_code == 201
        [received] = await stage.webhook.wait_for(1)
        message = received.update["message"]
        found = await stage.call("getFile", file_id=message["photo"][-1]["file_id"])
    assert message["caption"] == "look"
    assert found["file_size"] == message["photo"][-1]["file_size"]
