"""parse_mode and entities: what the user sees, and where parsing gives up."""

import pytest

from sandbox.bot_api.errors import BotApiError
from sandbox.bot_api.text_params import formatted


def entity(kind: str, offset: int, length: int, **more: str) -> dict[str, object]:
    return {"type": kind, "offset": offset, "length": length, **more}


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("<b>bold</b> &lt;&amp;&#33;", "bold <&!", [entity("bold", 0, 4)]),
        ("😀<i>x</i>", "😀x", [entity("italic", 2, 1)]),
        ("<b>a<i>b</i></b>", "ab", [entity("bold", 0, 2), entity("italic", 1, 1)]),
        ('<a href="https://e.org/?a=1&amp;b=2">x</a>', "x", [entity("text_link", 0, 1, url="https://e.org/?a=1&b=2")]),
        ('<span class="tg-spoiler">x</span>', "x", [entity("spoiler", 0, 1)]),
        ("<tg-spoiler>x</tg-spoiler>", "x", [entity("spoiler", 0, 1)]),
        ('<pre><code class="language-py">x=1</code></pre>', "x=1", [entity("pre", 0, 3, language="py")]),
        ("<code>/start</code>", "/start", [entity("code", 0, 6)]),
        ("<blockquote expandable>q</blockquote>", "q", [entity("expandable_blockquote", 0, 1)]),
        ("  <b> x </b>  ", "x", [entity("bold", 0, 1)]),
        ("<b></b>x", "x", []),
        ("a & b", "a & b", []),
    ],
)
def test_html(source: str, text: str, entities: list[dict[str, object]]) -> None:
    parsed = formatted(source, "HTML", None)
    assert (parsed.text, list(parsed.entities)) == (text, entities)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("я<foo>x</foo>", 'Unsupported start tag "foo" at byte offset 2'),
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("1 < 2", "Unclosed start tag at byte offset 2"),
    ],
)
def test_broken_html(source: str, problem: str) -> None:
    with pytest.raises(BotApiError) as caught:
        formatted(source, "HTML", None)
    assert caught.value.description == f"Bad Request: can't parse entities: {problem}"


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("*b* _i_ __u__ ~s~ ||p||", "b i u s p", ["bold", "italic", "underline", "strikethrough", "spoiler"]),
        (r"1\.5 \*x\*", "1.5 *x*", []),
        ("```py\nx = 1\n```", "x = 1", ["pre"]),
        ("[x](https://e.org)", "x", ["text_link"]),
        ("`a.b`", "a.b", ["code"]),
    ],
)
def test_markdown_v2(source: str, text: str, entities: list[str]) -> None:
    parsed = formatted(source, "MarkdownV2", None)
    assert (parsed.text, [found["type"] for found in parsed.entities]) == (text, entities)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a.b", "Character '.' is reserved and must be escaped with the preceding '\\'"),
        ("x *b", "Can't find end of Bold entity at byte offset 2"),
    ],
)
def test_broken_markdown_v2(source: str, problem: str) -> None:
    with pytest.raises(BotApiError) as caught:
        formatted(source, "MarkdownV2", None)
    assert caught.value.description == f"Bad Request: can't parse entities: {problem}"


def test_commands_links_and_mentions_are_found_in_plain_text() -> None:
    parsed = formatted("/start see https://e.org/a, @durov and #tag; not a/b or 5/10", "", None)
    found = [(item["type"], parsed.text[item["offset"] : item["offset"] + item["length"]]) for item in parsed.entities]
    assert found == [
        ("bot_command", "/start"),
        ("url", "https://e.org/a"),
        ("mention", "@durov"),
        ("hashtag", "#tag"),
    ]


def test_given_entities_are_kept_and_clipped() -> None:
    parsed = formatted(" abc ", "", [entity("bold", 0, 3), entity("italic", 2, 90)])
    assert list(parsed.entities) == [entity("bold", 0, 2), entity("italic", 1, 2)]
