"""Where a webhook may point: to machines of the open internet, by https, and to nothing that leads inside."""

from __future__ import annotations

import pytest

from services.core.webhook_addresses import reachable, url_problems

INSIDE = [
    *("127.0.0.1", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:1::", "ff02::1", "not an address", ""),
]


@pytest.mark.parametrize("address", INSIDE)
def test_machines_inside_are_not_reachable(address: str) -> None:
    assert not reachable(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_machines_outside_are(address: str) -> None:
    assert reachable(address)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://crm.example/hook", "https_only"),
        ("ftp://crm.example/", "https_only"),
        ("https:///hook", "invalid"),
        ("hook", "https_only"),
        ("https://user:pass@crm.example/", "too_much"),
        ("https://crm.example/#part", "too_much"),
        ("https://crm.example/a b", "invalid"),
        ("https://crm.example:port/", "invalid"),
        ("https://[::1/", "invalid"),
        ("https://127.0.0.1/", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://crm.example/" + "a" * 2000, "invalid"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(url: str, code: str) -> None:
    assert code in {each.code for each in url_problems(url, private=False)}


def test_good_addresses_pass_and_closed_networks_may_allow_more() -> None:
    assert url_problems("https://crm.example:8443/hook?x=1", private=False) == []
    assert url_problems("http://127.0.0.1:9/hook", private=True) == []
