"""Every spelling in which a URL leads elsewhere than it seems, in every place of a profile where a URL may stand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from authweave import Engine, loads
from authweave.errors import ProfileError
from thorough import every, few

HOSTS = [
    # numbers: decimal, octal, hex, mixed, short, too long, with dots at the end
    *["2130706433", "0x7f000001", "0X7F000001", "0x7f.0x0.0x0.0x1", "0177.0.0.1", "0177.0.0.01", "017700000001", "127.1", "127.0.1", "127.0.0.1.", "127.0.0.1..", "0", "0.0", "0x0", "00", "0x", "1.2.3", "1.2.3.4.5"],
    *["256.256.256.256", "08.8.8.8", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518", "0xA9.254.0251.254", "425.510.425.510", "4294967295", "4294967296", "1.0x100.1"],
    # other digits, dots and letters
    *["１２７.0.0.1", "127。0。0。1", "127．0．0．1", "127｡0｡0｡1", "①②⑦.0.0.1", "ⓛocalhost", "ⓁⓄⒸⒶⓁⒽⓄⓈⓉ", "ｌｏｃａｌｈｏｓｔ", "loc\xadalhost", "loca\u200blhost", "exаmple.com", "﹒example.com", "example‥com", "ßx.example", "ⅰ.example", "１.1.1.1"],
    # escapes
    *["%6c%6f%63alhost", "127%2e0%2e0%2e1", "%31%32%37.0.0.1", "ex%61mple.com", "localhost%00.example.com", "example.com%2f@127.0.0.1", "example.com%40127.0.0.1", "%5b::1%5d"],
    # names
    *["localhost", "LOCALHOST", "localhost.", "LOCALHOST..", "foo.localhost", "foo.localhost.", "localhost.localdomain", "ip6-localhost", "metadata.google.internal", "METADATA.google.internal.", "metadata", "metadata.goog", "x.internal", "x.local"],
    *["instance-data", "router", "x.home.arpa", "x.svc.cluster.local", "kubernetes.default", "a..b", ".a.example", "a.example..", "-a.example", "a-.example", "a,b.example", "a~b.example", "(a).example", "a!b.example", "{a}.example", "a|b.example"],
    "a" * 64 + ".example", "a." * 127 + "example", "exa mple.com", "exa\tmple.com", "*.example", "a.*.example",
    # IPv6, with what it carries
    *["[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:8.8.8.8]", "[::ffff:0:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001:0:a9fe:a9fe::1]"],
    *["[2001:10::1]", "[2001:20::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "[100::1]", "[100:0:0:1::1]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[4000::1]", "[2600:1f18::5efe:10.0.0.1]"],
    *["[::1%25lo]", "[::1%lo]", "[fe80::1%25eth0]", "[v1.fe80::a]", "[::1", "::1", "[::1].", "[::1]x", "[[::1]]", "[127.0.0.1]", "[]"],
    # IPv4
    *["0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.170.2", "169.254.170.23", "172.16.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"],
    # who it is for, and which port
    *["user:pw@example.com", "user@example.com", ":@example.com", "@example.com", "example.com\\@127.0.0.1", "127.0.0.1#@api.example.com", "127.0.0.1?@api.example.com", "example.com:80", "example.com:0", "example.com:65536", "example.com:-1", "example.com:+443", "example.com:443:443", "example.com:22", "example.com:6379", "example.com:４４３", "example.com:443x"],
]  # fmt: skip
OTHERS = ["http://api.example.com/", "HTTP://api.example.com/", "ws://api.example.com/", "ftp://example.com/", "ftps://example.com/", "sftp://example.com/", "file:///etc/passwd", "file://localhost/etc/passwd", "gopher://127.0.0.1:6379/_x", "dict://127.0.0.1:11211/", "ldap://x.example/", "tftp://x.example/", "jar:http://x.example!/", "netdoc:///etc/passwd", "phar://x.example/", "ssh://x.example/", "smb://x.example/", "unix:///var/run/docker.sock", "http+unix://%2Fvar%2Frun%2Fdocker.sock/x", "https+unix://%2Frun%2Fx/", "javascript:alert(1)", "vbscript:x", "data:text/html,x", "blob:https://x.example/", "about:blank", "mailto:a@b.example", "view-source:https://x.example/", "s3://bucket/x", "redis://127.0.0.1:6379", "httpss://x.example/", "h2://x.example/", "//127.0.0.1/", "///127.0.0.1/", "https:127.0.0.1", "https:/127.0.0.1/", "https:///127.0.0.1/", "https:////", "https://", "https:/\\\\127.0.0.1", "https:\\\\127.0.0.1", "\\\\127.0.0.1", "hTTps://LocalHost/"]  # fmt: skip
URLS = [*(f"https://{host}/x" for host in HOSTS), *OTHERS]
OAUTH: dict[str, Any] = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://login.example.com/token"}
CODE = {**OAUTH, "grant_type": "authorization_code"}


def places(url: str) -> dict[str, dict[str, Any]]:
    """A profile for each place."""
    auths: dict[str, dict[str, Any]] = {
        "token_url": {**OAUTH, "token_url": url}, "refresh_url": {**OAUTH, "grant_type": "password", "refresh_url": url},
        "revocation": {**OAUTH, "revoke_request": {"url": url}}, "before": {**OAUTH, "before": [{"name": "s", "request": {"url": url}}]},
        "after": {**OAUTH, "after": [{"name": "s", "request": {"url": url}}]}, "issuer": {"type": "oauth2", "grant_type": "client_credentials", "issuer": url},
        "authorization_url": {**CODE, "authorization_url": url}, "device_authorization_url": {**OAUTH, "grant_type": "device_code", "device_authorization_url": url},
        "registration_url": {**CODE, "authorization_url": "https://login.example.com/a", "registration": {}, "registration_url": url},
        "session": {"type": "session", "token_url": url, "token_response": {"access_token": "{{ response.json.t }}"}, "fields": [{"in": "header", "key": "X", "value": "{{ token.access_token }}"}]},
    }  # fmt: skip
    head = {"format": 1, "name": "acme", "identity_provider": "A"}
    found = {name: {**head, "servers": ["https://api.example.com"], "auth": auth} for name, auth in auths.items()}
    for name in ("authorization_url", "device_authorization_url", "registration_url"):
        found[name]["subject"] = "user"
    found["servers"] = {**head, "servers": [url], "auth": {"type": "bearer"}}
    found["test"] = {**head, "servers": ["https://login.example.com"], "auth": {"type": "bearer"}, "test": {"request": {"url": url}}}
    return found


STRICT = Engine(egress="strict")


def refused(data: dict[str, Any]) -> bool:
    try:
        STRICT.connect(loads(json.dumps(data), "acme.json"), subject="me" if data.get("subject") else None)
    except ProfileError:
        return True
    return False


def test_what_leads_nowhere_else_is_good_in_each_place():
    """A plain public URL is refused nowhere: so what is refused below is refused for what it is."""
    assert [name for name, data in places("https://login.example.com/x").items() if refused(data)] == []


@pytest.mark.parametrize("url", few(URLS, every=15), ids=ascii)
def test_no_spelling_gets_into_a_profile(url: str):
    """Refused at load or at connect, with a ProfileError, wherever it stands; `//host` and the like are no paths either."""
    assert [name for name, data in places(url).items() if not refused(data)] == []


@every("url", URLS, ids=ascii)
def test_no_spelling_is_let_pass_when_asked(url: str):
    """By the engine's own question, in words that hold no user name or password."""
    said = STRICT.egress_refusal(url)

    assert said
    assert "pw" not in said
