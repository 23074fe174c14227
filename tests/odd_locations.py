"""Where a redirect may lead, in every spelling that readers of URLs differ in: what comes of each is another origin than home, or home.

Sources: the URL Standard and its tests (web-platform-tests, url/resources/urltestdata.json: slashes, backslashes, tabs, userinfo, dots,
IPv4 and IPv6 spellings, IDNA), RFC 3986 §5.4 (relative references) and §6.2 (equivalence), UTS 46, the lists of PortSwigger and OWASP for
open redirects and SSRF, CVE-2018-1000007, CVE-2022-27774, CVE-2022-27776, CVE-2022-30115, CVE-2024-11053 (curl), CVE-2018-18074,
CVE-2023-32681 (requests), CVE-2018-20060, CVE-2023-43804, CVE-2024-37891 (urllib3).
"""

from __future__ import annotations

from typing import Final

_FOR_A_NAME = """
//other.example/x ///other.example/x ////other.example/x /////other.example /\\other.example/x \\/other.example/x \\\\other.example/x /\\/other.example
https:other.example/x https:/other.example/x https:///other.example/x https:////other.example https:\\\\other.example https:/\\other.example https:\\/other.example
HTTPS://OTHER.example/x hTtPs://other.example/x https://other.example https://other.example?x https://other.example#x https://other.example;x https://other.example,api.example/
https://api.example@other.example/ https://api.example:443@other.example/ https://user:pass@other.example/ https://@other.example/ https://:@other.example/ https://a:b@c:d@other.example/
https://api.example%40other.example/ https://api.example%3A443@other.example/ https://api.example%2f@other.example/ https://api.example%23@other.example/ https://api.example%3F@other.example/
https://api.example\\@other.example/ https://other.example\\@api.example/ https://other.example\\.api.example/ https://other.example/@api.example https://other.example?@api.example https://other.example#@api.example
https://other.example/https://api.example/ https://other.example//api.example/ https://other.example/..;/api.example https://other.example:443/ https://other.example:0443/ https://other.example:8443/x
https://api.example.other.example/ https://api.example-other.example/ https://notapi.example/ https://sub.api.example/ https://example/ https://api.example.example/ https://api-example/ https://apiXexample/
https://other.example./ https://other.example../ https://api.example./ https://api.example../ https://.api.example/ https://api..example/ https://api.example.:443/ https://.other.example
https://api.example:8443/ https://api.example:444/ https://api.example:80/ https://api.example:0/ https://api.example:1/ https://api.example:65535/ https://api.example:65536/ https://api.example:4430/ https://api.example:44３/
https://api.example:+443/ https://api.example:-443/ https://api.example:443x/ https://api.example:0x1bb/ https://api.example:443:443/ https://api.example:443@/ https://api.example:４４３/ https://api.example:4%34%33/
http://api.example/ http://api.example:443/ http://api.example:80/ http://api.example:8080/ HTTP://api.example/ http:api.example http:/x http:///api.example/ http:x http:
ws://api.example/ wss://api.example/ wss://other.example/ ftp://api.example/ file:///etc/passwd file://api.example/x gopher://api.example/ javascript://api.example/%0a data:text/html,x about:blank blob:https://api.example/x
mailto:a@other.example urn:x:y unix:///run/x.sock http+unix://%2Frun%2Fx/ https+unix://api.example/ view-source:https://api.example/ httpss://api.example/ https//other.example x://other.example
# #other.example ? ?//other.example ?https://other.example . .. ./ ../ ../../../other.example /../other.example /..//other.example /.//other.example .//other.example ..//other.example ./../other.example
/%2e%2e/other.example /%2e%2e%2fother.example %2e%2e/ %2f%2fother.example /%2fother.example /%5cother.example /%09/other.example /%0d%0a/other.example /;//other.example ;//other.example x//other.example
x:y x:/y 1https://other.example https%3A//other.example https:%2F%2Fother.example //other.example%2f@api.example //api.example@other.example/ //other.example:443/ //[::1]/ //127.1/ //other。example/ //%6fther.example/
https://other.example%00.api.example/ https://api.example%00.other.example/ https://other.example%2eapi.example/ https://api%2eexample/ https://%61pi.example/ https://ap%69.example/ https://api.ex%61mple/ https://api%E3%80%82example/ https://api.example%20/
https://api.example%09/ https://api.example%0a/ https://%00api.example/ https://api.example%2f.other.example/ https://api.example%5c.other.example/ https://api.example%23.other.example/ https://api.example%3f.other.example/ https://api.example%3a443/
https://ａｐｉ.example/ https://api。example/ https://api．example/ https://api｡example/ https://api﹒example/ https://api․example/ https://аpi.example/ https://ⓐpi.example/ https://𝐚pi.example/ https://apı.example/ https://API.EXAMPLE/ https://apﬁ.example/
https://xn--pi-7kc.example/ https://XN--PI-7KC.example/ https://xn--api-.example/ https://xn--.example/ https://xn--a.example/ https://xn--api.example/ https://faß.example/ https://fass.example/ https://ς.example/ https://api.exampłe/ https://api.exampIe/
https://ap\u200bi.example/ https://ap\u00adi.example/ https://ap\u2060i.example/ https://ap\u200di.example/ https://ap\ufeffi.example/ https://ap\u180ei.example/ https://api\u202e.example/ https://api.example\u2215@other.example/ https://other.example\uff0f.api.example/ https://other.example\u2044.api.example/
https://other.example\uff1f.api.example/ https://other.example\uff03.api.example/ https://other.example\uff20api.example/ https://other.example\uff1a443.api.example/ https://other.example\u2048.api.example/ https://other.example\u2100api.example/ https://api.example\u2488other/ https://api.example\uff3cother.example/
https://[api.example]/ https://[::1]/ https://[::ffff:127.0.0.1]/ https://[::1%25lo]/ https://[::1%lo]/ https://[::1]api.example/ https://api.example[::1]/ https://[::1]:443@api.example/ https://api.example@[::1]/ https://[v1.a]/ https://[/ https://]/ https://[]/
https://127.0.0.1/ https://127.1/ https://2130706433/ https://0x7f000001/ https://0177.0.0.1/ https://0/ https://127.0.0.1./ https://１２７.0.0.1/ https://127。0。0。1/ https://0x7f.1/ https://127.0.0.1.other.example/ https://256.1.1.1/ https://1.2.3/
https:// https:/// https://?x https://#x https://: https://:443 https://@ https://% https://%zz/ https://a_b.example/ https://-other.example/ https://other-.example/ https://!$&'()*+,;=.example/ https://{x}.example/ https://a|b.example/ https://a^b.example/ https://a`b.example/ https://<x>.example/ https://a"b.example/
"""
NAMED: Final = (
    *_FOR_A_NAME.split(),
    " https://other.example/", "https://other.example/ ", "\thttps://other.example/", "https://other\t.example/", "ht\ttps://other.example/", "https:\t//other.example/", "/\t/other.example/",
    "https://api.example @other.example/", "https://api.example\t@other.example/", "https:// other.example/", "https://api. example/", "https://api.example /", " ", "", "https://other.example/\t", "x y", "\x0b//other.example", "\x0c//other.example",
    "https://other.example/,https://api.example/", "https://api.example/, https://other.example/", "0; url=https://other.example/", "<https://other.example/>", "url=https://other.example", "\"https://other.example/\"", "\u00a0https://other.example/", "\ufeffhttps://other.example/",
)  # fmt: skip
"""For a home at https://api.example."""

_FOR_AN_ADDRESS = """
127.0.0.2:{port} 127.1:{port} 127.0.1:{port} 2130706433:{port} 0x7f000001:{port} 0X7F000001:{port} 0x7f.0.0.1:{port} 0x7f.1:{port} 0177.0.0.1:{port} 0177.1:{port} 017700000001:{port} 127.0.0.01:{port} 127.0.0.0x1:{port} 127.0.0.1.:{port} 127.0.0.1..:{port}
127.1.:{port} 0:{port} 0.0.0.0:{port} 0x0:{port} localhost:{port} LOCALHOST:{port} localhost.:{port} foo.localhost:{port} localhost.localdomain:{port} １２７.0.0.1:{port} 127。0。0。1:{port} 127．0．0．1:{port} 127｡0｡0｡1:{port} ①②⑦.0.0.1:{port} 127%2e0.0.1:{port} %31%32%37.0.0.1:{port}
[::1]:{port} [0:0:0:0:0:0:0:1]:{port} [::ffff:127.0.0.1]:{port} [::ffff:7f00:1]:{port} [::FFFF:127.0.0.1]:{port} [0:0:0:0:0:ffff:127.0.0.1]:{port} [::127.0.0.1]:{port} [::ffff:0:127.0.0.1]:{port} [64:ff9b::127.0.0.1]:{port} [2002:7f00:1::]:{port} [2001:0:7f00:1::]:{port}
[fe80::5efe:127.0.0.1]:{port} [::1%25lo]:{port} [::1%lo]:{port} [::1%251]:{port} [fe80::1%25lo]:{port} [::]:{port} [127.0.0.1]:{port} user@127.0.0.2:{port} 127.0.0.1:{port}@127.0.0.2:{port} 127.0.0.2:{port}\\@127.0.0.1:{port} 127.0.0.1:{other} [::ffff:127.0.0.2]:{port} 127.0.0.1:{other}#@127.0.0.1:{port}
"""
NUMBERED: Final = tuple(_FOR_AN_ADDRESS.split())
"""Hosts for a home at http://127.0.0.1:{port}, where also 127.0.0.2 and ::1 answer, and another port of the same address."""
