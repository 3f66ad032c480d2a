"""Who asked, and over what, where a proxy stands in between."""

import pytest

from telecom_crm.entrypoints.http.proxies import address_of, as_asked

OURS = frozenset({"10.0.0.1", "10.0.0.2"})


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.2", "10.0.0.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("2001:db8::1", None, "2001:0db8:0000:0000"),
        ("2001:db8::ffff:1", None, "2001:0db8:0000:0000"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
        ("", None, ""),
    ],
)
def test_an_address_is_the_peers_or_what_a_proxy_of_ours_says(peer, forwarded, found):
    assert address_of(peer, forwarded, OURS) == found


@pytest.mark.parametrize(
    ("peer", "told", "found"),
    [
        ("10.0.0.1", ["https"], "https"),
        ("10.0.0.1", [" HTTPS "], "https"),
        ("10.0.0.1", ["http"], "http"),
        ("10.0.0.1", [], "http"),
        ("10.0.0.1", ["javascript"], "http"),
        ("10.0.0.1", ["https, http"], "http"),
        ("10.0.0.1", ["http", "https"], "http"),
        ("203.0.113.9", ["https"], "http"),
    ],
)
def test_a_scheme_is_the_services_own_or_what_a_proxy_of_ours_says(peer, told, found):
    headers = [(b"x-forwarded-proto", one.encode()) for one in told]
    scope = {"client": (peer, 1), "scheme": "http", "headers": headers}
    assert as_asked(scope, OURS)["scheme"] == found


@pytest.mark.parametrize(
    ("told", "found"),
    [
        (["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
        (["1.2.3.4, 198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        (["198.51.100.1", ""], "10.0.0.1"),
    ],
)
def test_who_asked_may_be_told_in_several_lines(told, found):
    headers = [(b"x-forwarded-for", one.encode()) for one in told]
    scope = {"client": ("10.0.0.1", 1), "scheme": "http", "headers": headers}
    assert as_asked(scope, OURS)["client"] == (found, 1)
