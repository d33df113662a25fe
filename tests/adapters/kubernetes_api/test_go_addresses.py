"""Addresses and networks as Go reads them; each message is one that `net/netip` gives."""

from __future__ import annotations

import pytest

from jx.adapters.local.kubernetes.words.go_addresses import parse_address, parse_prefix


@pytest.mark.parametrize(
    "text", ["10.0.0.1", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::1.2.3.4", "fe80::1%a"]
)
def test_an_address_is_read(text: str) -> None:
    assert str(parse_address(text))


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("x", 'ParseAddr("x"): unable to parse IP'),
        ("%a", 'ParseAddr("%a"): missing IPv6 address'),
        ("1.2.3", 'ParseAddr("1.2.3"): IPv4 address too short'),
        ("1.2.3.4.5", 'ParseAddr("1.2.3.4.5"): IPv4 address too long'),
        ("1.2.3.256", 'ParseAddr("1.2.3.256"): IPv4 field has value >255'),
        ("1.2.3.04", 'ParseAddr("1.2.3.04"): IPv4 field has octet with leading zero'),
        ("1..3.4", 'ParseAddr("1..3.4"): IPv4 field must have at least one digit (at ".3.4")'),
        ("1.2.3.x", 'ParseAddr("1.2.3.x"): unexpected character (at "x")'),
        ("1:2", 'ParseAddr("1:2"): address string too short'),
        ("1:", 'ParseAddr("1:"): colon must be followed by more characters (at ":")'),
        ("1:x", 'ParseAddr("1:x"): each colon-separated field must have at least one digit (at "x")'),
        ("1:2x", 'ParseAddr("1:2x"): unexpected character, want colon (at "x")'),
        ("12345::", 'ParseAddr("12345::"): each group must have 4 or less digits (at "12345::")'),
        ("1::2::3", 'ParseAddr("1::2::3"): multiple :: in address (at ":3")'),
        ("1:2:3:4:5:6:7:8:9", 'ParseAddr("1:2:3:4:5:6:7:8:9"): trailing garbage after address (at "9")'),
        (
            "1:2:3:4:5:6:7:8::",
            'ParseAddr("1:2:3:4:5:6:7:8::"): the :: must expand to at least one field of zeros',
        ),
        ("::1%", 'ParseAddr("::1%"): zone must be a non-empty string'),
        (
            "1:1.2.3.4",
            (
                'ParseAddr("1:1.2.3.4"): embedded IPv4 address must replace the final 2 fields of the address'
                ' (at "1.2.3.4")'
            ),
        ),
        (
            "::1:2:3:4:5:6:7:1.2.3.4",
            (
                'ParseAddr("::1:2:3:4:5:6:7:1.2.3.4"): too many hex fields to fit an embedded IPv4 at the end of the address'
                ' (at "1.2.3.4")'
            ),
        ),
    ],
)
def test_what_an_address_lacks_is_said(text: str, mistake: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_address(text)
    assert str(caught.value) == mistake


def test_a_prefix_is_read() -> None:
    assert str(parse_prefix("10.1.2.3/8")) == "10.0.0.0/8"
    assert str(parse_prefix("2001:db8::1/0")) == "::/0"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("x", "netip.ParsePrefix(\"x\"): no '/'"),
        ("x/8", 'netip.ParsePrefix("x/8"): ParseAddr("x"): unable to parse IP'),
        ("::1%a/8", 'netip.ParsePrefix("::1%a/8"): IPv6 zones cannot be present in a prefix'),
        ("10.0.0.0/08", 'netip.ParsePrefix("10.0.0.0/08"): bad bits after slash: "08"'),
        ("10.0.0.0/", 'netip.ParsePrefix("10.0.0.0/"): bad bits after slash: ""'),
        ("10.0.0.0/33", 'netip.ParsePrefix("10.0.0.0/33"): prefix length out of range'),
    ],
)
def test_what_a_prefix_lacks_is_said(text: str, mistake: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_prefix(text)
    assert str(caught.value) == mistake
