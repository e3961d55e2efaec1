"""What the variables of libpq say, put into database URLs.

https://www.postgresql.org/docs/current/libpq-envars.html
"""

from collections.abc import Mapping

import sqlalchemy as sa

from supervisor.errors import UsageError
from supervisor.store.urls import parse_url

_OPTIONS = {"PGSSLMODE": "sslmode", "PGSSLROOTCERT": "sslrootcert", "PGPASSFILE": "passfile"}


def with_environment(url: str, environment: Mapping[str, str]) -> str:
    """Return a URL with what PGHOST, PGUSER, PGPASSWORD and the like say where it says nothing.

    Processes that are handed the URL do not have the environment that it was meant for.

    Raises:
        UsageError: The URL cannot be used, or a variable is not UTF-8.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() != "postgresql":
        return url
    filled = _with_server(_with_user(parsed, environment), environment)
    if "dbname" not in filled.query:
        filled = filled.set(database=filled.database or environment.get("PGDATABASE"))
    options = {option: environment.get(name) for name, option in _OPTIONS.items() if option not in filled.query}
    filled = filled.update_query_dict({option: value for option, value in options.items() if value})
    try:
        return filled.render_as_string(hide_password=False)
    except UnicodeEncodeError as error:
        raise UsageError("one of the variables of libpq (PGHOST, PGUSER, …) is not UTF-8") from error


def _with_user(url: sa.URL, environment: Mapping[str, str]) -> sa.URL:
    if "user" not in url.query:
        url = url.set(username=url.username or environment.get("PGUSER"))
    password = environment.get("PGPASSWORD")
    if not password or url.password or "password" in url.query:
        return url
    # In its usual place, a password without a name before it would not be written out.
    return url.set(password=password) if url.username else url.update_query_dict({"password": password})


def _with_server(url: sa.URL, environment: Mapping[str, str]) -> sa.URL:
    """Fill in host and port; folders of sockets and lists of servers have their place in the query."""
    if isinstance(url.query.get("host"), tuple):
        # Each of them can name its port.
        return url
    own_host, own_port = url.query.get("host") or url.host, url.query.get("port") or url.port
    host = str(own_host or environment.get("PGHOST", ""))
    port = str(own_port or _ports(environment.get("PGPORT", "")))
    if "," in host and "," not in port and port:
        port = ",".join([port] * len(host.split(",")))  # SQLAlchemy wants one for each
    if "," not in host + port and not host.startswith(("/", "@")):
        return url.set(host=host or None, port=int(port) if port else None)
    # Elsewhere nothing may contradict it.
    query = {**url.query, **{name: value for name, value in (("host", host), ("port", port)) if value}}
    return sa.URL.create(url.drivername, url.username, url.password, database=url.database, query=query)


def _ports(text: str) -> str:
    """Return a port, or a list of them, in which one may be empty; what is something else is left out."""
    return text if all(port.isdecimal() or not port for port in text.split(",")) else ""
