"""The real servers that the suite proves against: one module per foreign part.

Each part is described in `catalogue.py` (what it is for, how it is installed, which fixtures need it), installed by
`python tests/parts/install.py`, never at test time, and started once per session by a fixture in its own module:

    oidc_provider           oidc.py                  npm oidc-provider: certified; form-encoded Basic; http and https
    django_provider(_with)  django_provider.py       django-oauth-toolkit, Django REST framework: other people's rules
    raw_basic_provider      raw_basic.py             npm @node-oauth/oauth2-server: Basic as it is, not form-encoded
    odd_provider            odd.py                   token requests, answers and consent as vendors bend them
    oauth1_provider         oauth1.py                oauthlib's server side: OAuth 1.0a, three legs and two
    nginx                   nginx.py                 Basic; API key in header, query, cookie or path; client certificates
    apache                  apache.py                Digest by mod_auth_digest
    kerberos                kerberos.py              a realm with tickets, and an API behind Negotiate
    httpbin                 httpbin.py               Basic, hidden Basic, Digest, bearer, and an echo
    httpie                  httpie.py                HTTPie with authweave installed beside it, its entry points and all
    kedro                   kedro.py                 a Kedro project, likewise
    airflow                 airflow.py               Apache Airflow, for `airflow dags test`; DAGs in `airflow_dags`
    llm                     llm.py                   llm with a model that calls tools as it is told (`llm_models`)
    moto                    moto.py                  AWS: signatures and policies are verified
    azurite                 azurite.py               Azure Storage behind shared keys
    verifiers, wsse_url     verifiers.py             signatures: RFC 9421, GitHub's, Slack's, Twilio's, WSSE
    ntlm_server             verifiers.py             NTLM and Negotiate by pyspnego
    tinyproxy               tinyproxy.py             a forward proxy: credentials, and ports that CONNECT may reach
    http2                   http2.py                 Node's HTTP/2: origins that redirect, and keep what they got
    redis_server, new_redis redis.py                 Redis for everybody, and of a test's own: to stop, freeze, fill
    redis_sentinel          redis.py                 a master, two replicas, three sentinels that fail over;
    new_redis_group                                  with passwords and TLS
    har_problems            har_schema.py            the JSON Schemas of HAR 1.2
    yaml_language_server    yaml_language_server.py  completion, hover and problems as editors show them
    chromium                chromium.py              Debian's Chromium, driven by playwright-core; axe-core as judge
    authority               certificates.py          a throw-away CA (needs no foreign part)
    browsing.sign_in, .confirm_device                a person at a login, consent or device page (plain functions)

Everything listens on loopback, on free ports, and is stopped by its process id. A fixture whose part is not
installed makes its tests skip, and the run ends with a table that says what was not run, why, and how to get it.
"""
