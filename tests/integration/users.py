"""Other users of the tests' PostgreSQL than the one that owns everything."""

from urllib.parse import quote, urlsplit

SECRET = "s3cret/@:%"


def as_user(url: str, user: str, password: str = SECRET, database: str | None = None) -> str:
    """Return the URL of another user or database on the same server."""
    parts = urlsplit(url)
    name = parts.path.lstrip("/") if database is None else database
    return f"postgresql://{user}:{quote(password, safe='')}@/{name}?{parts.query}"
