"""Which addresses and hosts are public: the table, and every form in which something else can be written."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from authweave.contracts import Departure
from authweave.egress.addresses import why_not_public
from authweave.egress.hosts import why_not_a_public_name
from authweave.egress.strict import Strict
from authweave.urls.shown import other_letters, shown_host
from thorough import every

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "policy_ssrf_targets.json").read_text())
ADDRESSES = {one["ip"]: one["verdict"] for one in (*VECTORS["addresses"], *VECTORS["vectors"]) if "ip" in one}
INNER = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "100.100.100.200", "0.0.0.0", "168.63.129.16", "192.0.0.192"]

PRIVATE = """
0.0.0.0 0.1.2.3 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 127.1.2.3 127.255.255.255 169.254.0.0
169.254.169.253 169.254.170.2 169.254.255.255 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.9 192.0.0.170 192.0.0.255 192.0.2.1
192.31.196.1 192.52.193.1 192.88.99.1 192.88.99.2 192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0 198.19.255.255 198.51.100.1
203.0.113.1 224.0.0.0 224.0.0.1 233.252.0.1 239.255.255.255 240.0.0.0 255.255.255.254 255.255.255.255 168.63.129.16 161.26.0.10
166.8.0.1 166.11.255.255 192.80.8.124 199.36.153.4 199.36.153.7 199.36.153.8 199.36.153.11
:: ::1 ::2 ::ffff:8.8.8.8 ::ffff:0:8.8.8.8 ::8.8.8.8 64:ff9b:1::1 64:ff9b:1:ffff::8.8.8.8 64:ff9b:2::1 64:ff9a:: 100::1 100:0:0:1::1
5f00::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:1::1 2001:1::2 2001:2::1 2001:3::1 2001:4:112::1 2001:10::1 2001:20::1
2001:30::1 2001:db8::1 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff 2002:808:808::1 2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff::1
2600:2d00:2:1000::1 2600:2d00:2:10ff::1 2600:2d00:2:2000::1 2600:1f18::5efe:10.0.0.1 2600:1f18::200:5efe:8.8.8.8 fe80::5efe:127.0.0.1 4000::1 8000::1 c000::1 e000::1 f000::1 f800::1 fc00::1
fd00::1 fd00:ec2::254 fd00:ec2::253 fd00:ec2::23 fd00:c1::a9fe:a9fe fd00:42::42 fd20:ce::254 fdff::1 fe00::1 fe80::1 fe90::1 febf::1
fec0::1 feff::1 ff00::1 ff02::1 ff05::2 ff0e::1 fe80::1%lo fe80::1%1 ::1%0
"""
PUBLIC = """
1.0.0.1 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.1 192.0.3.1 192.88.98.1 192.88.100.1 192.167.255.255 192.169.0.0
198.17.255.255 198.20.0.0 198.51.99.1 198.51.101.1 203.0.112.1 203.0.114.1 223.255.255.255 168.63.129.15 168.63.129.17
199.36.153.3 199.36.153.12 199.36.152.8 2600:2d00:2:1100::1 2600:2d00:2:1fff::1
2606:4700:4700::1111 2001:200::1 2001:4860:4860::8888 2003::1 2400:cb00::1 2a00:1450:4001::1 2c0f:ffff::1 2620:fe::fe
64:ff9b::8.8.8.8 64:ff9b::5db8:d822
"""


@every("address", PRIVATE.split())
def test_what_is_not_public_is_named(address: str):
    """Every block that is not public is refused, at both of its ends and in the middle, and says what it is."""
    assert why_not_public(address)


WORDS = {
    "100.100.100.200": "Alibaba", "169.254.169.254": "metadata service", "192.0.0.192": "Oracle", "255.255.255.255": "broadcast", "2001::1": "Teredo",
    "2001:2::1": "benchmarks", "::": "unspecified", "::1": "loopback", "::ffff:8.8.8.8": "mapped", "::ffff:0:8.8.8.8": "translated", "::8.8.8.8": "compatible",
    "64:ff9b:1::1": "NAT64", "64:ff9b::10.0.0.1": "10.0.0.1 in IPv6 form", "100::1": "discarded", "100:0:0:1::1": "dummy", "5f00::1": "segment routing",
    "fd00:ec2::254": "AWS", "fd20:ce::254": "Google", "fc00::1": "unique-local", "fe80::1": "link-local", "fec0::1": "site-local", "ff02::1": "multicast",
    "fe80::1%lo": "one interface", "4000::1": "not global unicast",
}  # fmt: skip


def test_the_nearest_block_says_what_it_is():
    """Blocks lie in each other, and most of IPv6 in none: people are told the narrowest, a metadata service before its network."""
    assert [] == [(address, why_not_public(address)) for address, word in WORDS.items() if word not in (why_not_public(address) or "")]


@every("address", PUBLIC.split())
def test_what_is_public_is_let_through(address: str):
    """The neighbours of every block, and the addresses of real services, may be called."""
    assert why_not_public(address) is None


@every("address", sorted({*ADDRESSES, *VECTORS["is_global_not_enough"]}))
def test_the_vectors_hold(address: str):
    """Each address of the sample has the verdict that it requires."""
    verdict = "block" if why_not_public(address) else "allow"

    assert verdict == ADDRESSES.get(address, "block")


@every("inner", INNER)
@every(
    "form",
    ["::ffff:{0}", "::{0}", "::ffff:0:{0}", "64:ff9b::{0}", "64:ff9b:1::{0}", "64:ff9b:1:abcd::{0}", "2600:1f18::5efe:{0}", "2600:1f18::200:5efe:{0}", "6to4", "teredo"],
)
def test_an_inner_address_hides_in_no_ipv6_form(inner: str, form: str):
    """An IPv4 address that may not be called may not be called as IPv6 either, in any form that carries one."""
    number = int(IPv4Address(inner))
    written = {
        "6to4": str(ip_address((0x2002 << 112) | (number << 80) | 1)),
        "teredo": str(ip_address((0x20010000 << 96) | (0x08080808 << 64) | (number ^ 0xFFFFFFFF))),
    }.get(form) or form.format(inner)

    assert why_not_public(written)


def test_what_is_no_address_is_not_public():
    """Whatever cannot be read is refused."""
    for text in ("", "example.com", "1.2.3", "1.2.3.4.5", "010.0.0.1", "0x7f.0.0.1", "[::1]", "8.8.8.8 ", "8.8.8.8/32"):
        assert why_not_public(text) == "no address"


@every(
    "host",
    ["2130706433", "0x7f000001", "0X7F000001", "017700000001", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1", "127.0.0.01", "0", "0x0", "00", "1.1", "134744072", "08.8.8.8", "8.8.2056", "8.525320", "0x08080808", "localhost", "LOCALHOST", "localhost.", "foo.localhost", "foo.localhost.", "a.b.localhost", "localhost.localdomain", "ip6-localhost", "router", "printer.local", "metadata.google.internal", "db.internal", "x.svc.cluster.local", "nas.home.arpa", "intranet", "wiki.corp", "box.lan", "metadata", "metadata.goog", "metadata.tencentyun.com", "kubernetes", "instance-data", "rancher-metadata", "abc.onion", "1.0.0.127.in-addr.arpa", "resolver.arpa", "_dns.resolver.arpa", "eap-noob.arpa", "x.test", "x.alt", "x.mail", "x.priv", "localhost6.localdomain6", "metadata.azure.com", "metadata.oraclecloud.com", "api.metadata.cloud.ibm.com", "127.0.0.1.5", "1.2.3.4.0x7f", "a..b", ".example.com", "exa_mple-.com", "-x.example.com", "ex%61mple.com", "::1%lo", "fe80::1%25lo", "[::1]", "a@b", "a:b", "host/x", "127。0。0。1", "１２７.0.0.1", "⑯⑨.254.169.254", "exаmple.com"],
)
def test_names_of_this_network_and_odd_spellings_are_refused(host: str):
    """What another reader takes for an address, what only this network knows, and what is no host name are refused before DNS."""
    assert why_not_a_public_name(host)


@every("host", ["api.example.com", "API.Example.COM.", "8.8.8.8", "2606:4700:4700::1111", "xn--mnchen-3ya.example", "a_b.example.com", "1e100.net", "127.0.0.1.nip.io"])
def test_public_names_and_plain_addresses_are_let_through(host: str):
    """What they lead to is another question."""
    assert why_not_a_public_name(host) is None


@every("scheme", ["http", "ws", "ftp", "file", "gopher", "unix", "javascript", "dict", "ldap", ""])
def test_strict_knows_one_scheme(scheme: str):
    """Only https is called."""
    assert Strict().refusal(Departure(scheme, "api.example.com", 443))


def test_no_name_of_a_network_or_a_metadata_service_is_public():
    """At the end of a name as alone, in any case, with a final dot; a name that only contains one is a name like any other."""
    endings = ["localhost", "localdomain", "local", "internal", "home.arpa", "intranet", "lan", "corp", "home", "private", "svc", "default", "consul", "invalid", "in-addr.arpa", "ip6.arpa", "onion"]
    services = ["metadata.goog", "metadata.tencentyun.com", "metadata.platformequinix.com", "metadata.packet.net", "ipv4only.arpa"]
    names = [*(f"x.{ending}" for ending in endings), *(f"a.b.{ending.upper()}." for ending in endings), *services]

    assert [] == [name for name in names if why_not_a_public_name(name) is None]
    assert [] == [name for name in (f"{ending}.example.com" for ending in endings) if why_not_a_public_name(name)]


FETCH = """
1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513
514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669
6679 6697 10080
"""
"""The bad ports of the Fetch Standard."""
CONSOLES = """
80 88 445 873 1433 1521 1883 2375 2376 2379 2380 3128 3268 3306 3389 4369 5000 5432 5601 5672 5900 5984 5985 5986 6379 6443 7474 7687 8086 8125 8200 8300
8500 8600 9000 9042 9090 9092 9093 9100 9200 9300 9418 10250 10255 11211 15672 26379 27017 28017 50070
"""
"""Databases, brokers, caches and consoles as their manuals name them."""


def test_a_port_of_another_service_is_refused_although_it_is_declared():
    """Until an operator allows that one, and no other for it."""
    def refusal(port, *allowed):
        return Strict.of(allowed).refusal(Departure("https", "api.example.com", port, "93.184.216.34", ports=frozenset({port})))

    ports = [int(port) for port in (FETCH + CONSOLES).split()]
    assert [] == [port for port in ports if refusal(port, 9999) is None or refusal(port, port) is not None]


def test_strict_knows_declared_ports():
    """443 always; another one where the profile writes it out and it is no other service's, or where the operator allows it."""
    def refusal(port, declared=(), allowed=()):
        return Strict.of(allowed).refusal(Departure("https", "api.example.com", port, "93.184.216.34", ports=frozenset(declared)))

    assert refusal(443) is None
    assert "8443" in refusal(8443)
    assert refusal(8443, declared=[8443]) is None
    assert "another service" in refusal(6379, declared=[6379])
    assert refusal(6379, allowed=[6379]) is None
    assert refusal(0)


def test_a_host_that_only_looks_like_another_is_shown_plainly():
    """Punycode is shown with the letters it stands for and their names; other scripts are shown as what they are."""
    shown = shown_host("xn--80ak6aa92e.com")

    assert "xn--80ak6aa92e.com" in shown
    assert "CYRILLIC SMALL LETTER A U+0430" in shown
    assert shown_host("аpple.com").startswith("xn--")
    assert "CYRILLIC SMALL LETTER A" in shown_host("аpple.com")
    assert "FULLWIDTH DIGIT ONE" in shown_host("１27.0.0.1")
    assert "\u202e" not in shown_host("a\u202eb.com")
    assert shown_host("api.example.com") == "api.example.com"
    assert "no letters" in shown_host("xn--abc-.example")
    for url in ("https://xn--80ak6aa92e.com/", "https://api.example.com@xn--80ak6aa92e.com:443/", "https://*.xn--80ak6aa92e.com?x@api.example.com"):
        assert other_letters(url) == shown
