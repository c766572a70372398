"""Which addresses a stranger may have us call: none of our own network, in whatever way it is written."""

import contextlib
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.errors import InvalidInput
from jobs.public_addresses import as_address, refusal, require_receiver

INNER = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "169.254.1.1", "168.63.129.16", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::1.2.3.4", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1",
    "64:ff9b:1::1", "64:ff9b::808:808", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1",
    "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
]  # fmt: skip
OUTER = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001:81b::200e"]


@pytest.mark.parametrize("address", INNER)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert refusal(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OUTER)
def test_what_is_public_is_not(address: str) -> None:
    assert refusal(ipaddress.ip_address(address)) is None


@given(st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address))
def test_no_wrapping_of_an_inner_address_passes(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for wrapped in (0xFFFF << 32 | number, number, 0x64FF9B << 96 | number, 0x2002 << 112 | number << 80):
        assert refusal(ipaddress.IPv6Address(wrapped))


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0x7f000001", "127.1", "0177.0.0.1", "017700000001", "127.0.0.1.", "[::1]"]
)
def test_a_number_is_an_address_in_every_way_that_a_resolver_takes(host: str) -> None:
    address = as_address(host)
    assert address is not None
    assert address.is_loopback


@pytest.mark.parametrize("host", ["example.com", "face.book", "deadbeef.example", "1.2.3.4.5", "999.1.1.1", ""])
def test_a_name_is_no_address(host: str) -> None:
    assert as_address(host) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com/hook", "begins with https://"),
        ("ftp://example.com/hook", "begins with https://"),
        ("https://user@example.com/", "user name or password"),
        ("https://:secret@example.com/", "user name or password"),
        ("https://example.com/#part", "after #"),
        ("https://example.com:22/", "Port 22"),
        ("https:///hook", "reads https://host/path"),
        ("https://exa mple.com/", "reads https://host/path"),
        ("https://example.com\\@127.0.0.1/", "reads https://host/path"),
        ("https://example.com:99999/", "reads https://host/path"),
        ("https://пример.рф/", "plain characters"),
        (f"https://example.com/{'x' * 2048}", "at most 2048"),
        ("https://localhost/", "inner network"),
        ("https://LOCALHOST./", "inner network"),
        ("https://api.internal/", "inner network"),
        ("https://postgres/", "inner network"),
        ("https://metadata.google.internal/", "inner network"),
        ("https://127.0.0.1/", "this machine"),
        ("https://2130706433/", "this machine"),
        ("https://0x7f.1/", "this machine"),
        ("https://[::ffff:10.0.0.1]/", "a private network"),
        ("https://169.254.169.254/latest/meta-data", "metadata of a cloud"),
        ("https://[fe80::1%25eth0]/", "link-local"),
        ("", "reads https://host/path"),
    ],
)
def test_a_url_is_refused_with_words(url: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        require_receiver(url)
    assert refused.value.code == "url_refused"
    assert words in refused.value.detail


@pytest.mark.parametrize(
    "url",
    ["https://example.com/hook?a=1", "https://example.com:8443/", "https://8.8.8.8/", "https://xn--e1afmkfd.org/"],
)
def test_a_url_that_may_be(url: str) -> None:
    require_receiver(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000/hook", "http://localhost/", "https://10.0.0.1:22/"])
def test_development_may_go_anywhere(url: str) -> None:
    require_receiver(url, allow_private=True)


@given(st.text(max_size=60))
def test_whatever_is_given_is_refused_with_words(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com:{text}/"):
        with contextlib.suppress(InvalidInput):
            require_receiver(url)
