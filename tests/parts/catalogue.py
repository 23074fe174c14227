"""Every foreign part of the suite, by name. A new one is an entry here and a module beside this one."""

from __future__ import annotations

from parts.part import HERE, DebianPackage, NpmFolder, Part, Together, Venv

OIDC_PROVIDER = NpmFolder(HERE / "oidc-provider")
NODE_OAUTH2_SERVER = NpmFolder(HERE / "node-oauth2-server")
ODD_PROVIDER = NpmFolder(HERE / "odd-provider")
YAML_LANGUAGE_SERVER = NpmFolder(HERE / "yaml-language-server")
DJANGO = Venv(HERE / ".venvs" / "django", HERE / "requirements-django.txt")
CELERY = Venv(HERE / ".venvs" / "celery", HERE / "requirements-celery.txt")
DATASETTE = Venv(HERE / ".venvs" / "datasette", HERE / "requirements-datasette.txt")
HTTPBIN = Venv(HERE / ".venvs" / "httpbin", HERE / "requirements-httpbin.txt")
HTTPIE = Venv(HERE / ".venvs" / "httpie", HERE / "requirements-httpie.txt")
KEDRO = Venv(HERE / ".venvs" / "kedro", HERE / "requirements-kedro.txt")
OAUTH1 = Venv(HERE / ".venvs" / "oauth1", HERE / "requirements-oauth1.txt")
LLM = Venv(HERE / ".venvs" / "llm", HERE / "requirements-llm.txt")
AIRFLOW = Venv(HERE / ".venvs" / "airflow", HERE / "requirements-airflow.txt")
MCP = Venv(HERE / ".venvs" / "mcp", HERE / "requirements-mcp.txt")
MOTO = Venv(HERE / ".venvs" / "moto", HERE / "requirements-moto.txt")
VERIFIERS = Venv(HERE / ".venvs" / "verifiers", HERE / "requirements-verifiers.txt")
WSSE = NpmFolder(HERE / "wsse")
HAR_SCHEMA = NpmFolder(HERE / "har-schema")
AZURITE = NpmFolder(HERE / "azurite")
APACHE = DebianPackage("apache2", "apache2")
GSSAPI = "/usr/lib/apache2/modules/mod_auth_gssapi.so"
KERBEROS = DebianPackage(
    "krb5kdc", "krb5-kdc krb5-admin-server krb5-user libapache2-mod-auth-gssapi curl", ("kadmin.local", "kinit", "curl", GSSAPI)
)
NGINX = DebianPackage("nginx", "nginx")
CHROMIUM = DebianPackage("chromium", "chromium fonts-liberation2")
CHROMIUM_DRIVER = NpmFolder(HERE / "chromium")
TINYPROXY = DebianPackage("tinyproxy", "tinyproxy-bin")
NODE = DebianPackage("node", "nodejs")
REDIS = DebianPackage("redis-server", "redis-server")

PARTS = {
    part.name: part
    for part in (
        Part("oidc-provider", "a certified identity provider", OIDC_PROVIDER, ("oidc_provider",)),
        Part("django", "another identity provider", DJANGO, ("django_provider", "django_provider_with")),
        Part("node-oauth2-server", "an identity provider for raw Basic", NODE_OAUTH2_SERVER, ("raw_basic_provider",)),
        Part("odd-provider", "providers with odd ways", ODD_PROVIDER, ("odd_provider",)),
        Part("nginx", "an API behind Basic, API keys, certificates", NGINX, ("nginx",)),
        Part("apache", "an API behind Digest", APACHE, ("apache",)),
        Part("kerberos", "a Kerberos realm, an API behind Negotiate", KERBEROS, ("kerberos",)),
        Part("oauth1", "an OAuth 1.0a provider", OAUTH1, ("oauth1_provider",)),
        Part("llm", "a command line for language models", LLM, ("llm",)),
        Part("airflow", "a platform for workflows", AIRFLOW, ("airflow",)),
        Part("httpie", "a command line for HTTP", HTTPIE, ("httpie",)),
        Part("kedro", "a platform for data pipelines", KEDRO, ("kedro",)),
        Part("celery", "a task queue whose workers fork", CELERY, ("celery_worker",)),
        Part("datasette", "a web host with plugins of its own", DATASETTE, ("datasette",)),
        Part("mcp", "a protected resource that names its issuer", MCP, ("mcp_server",)),
        Part("moto", "AWS, with signatures and policies", MOTO, ("moto",)),
        Part("verifiers", "judges of signatures, NTLM", VERIFIERS, ("verifiers", "ntlm_server")),
        Part("wsse", "a judge of WSSE", WSSE, ("wsse_url",)),
        Part("azurite", "Azure Storage with shared keys", AZURITE, ("azurite",)),
        Part("httpbin", "an API behind Basic and bearer", HTTPBIN, ("httpbin",)),
        Part(
            "redis",
            "a token store, alone and under Sentinel",
            REDIS,
            ("redis_server", "new_redis", "redis_sentinel", "new_redis_group"),
        ),
        Part("tinyproxy", "a forward proxy", TINYPROXY, ("tinyproxy",)),
        Part("http2", "servers of HTTP/2 alone", NODE, ("http2",)),
        Part("chromium", "a browser, a judge of accessibility", Together((CHROMIUM, CHROMIUM_DRIVER)), ("chromium",)),
        Part("har-schema", "a judge of HAR 1.2", HAR_SCHEMA, ("har_problems",)),
        Part("yaml-language-server", "what editors ask", YAML_LANGUAGE_SERVER, ("yaml_language_server",)),
    )
}
