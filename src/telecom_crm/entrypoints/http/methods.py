"""Which methods a path has: the answer to OPTIONS."""

from __future__ import annotations

from collections import defaultdict

import attrs
from litestar import Litestar
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send


@attrs.define(eq=False)
class Methods:
    """
    Answers OPTIONS with all methods of a path.

    The framework's own answer names those of the handler that was registered first.
    """

    _by_path: dict[str, str] = attrs.field(factory=dict, repr=False)

    def before(self, app: ASGIApp) -> ASGIApp:
        """Stand, as a middleware, before every route."""

        async def told(scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("method") != "OPTIONS":
                await app(scope, receive, send)
                return
            served = scope["litestar_app"]
            allow = self._of(served).get(scope.get("path_template", ""), "OPTIONS")
            answer = ASGIResponse(status_code=204, headers={"Allow": allow})
            await answer(scope, receive, send)

        return told

    def _of(self, app: Litestar) -> dict[str, str]:
        if not self._by_path:
            found: defaultdict[str, set[str]] = defaultdict(set)
            for route in app.routes:
                found[route.path_format] |= set(route.methods)
            self._by_path |= {path: ", ".join(sorted(methods)) for path, methods in found.items()}
        return self._by_path
