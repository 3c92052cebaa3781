"""`python -m hub --root DIR [--host H] [--port N] [--content-port N --content-url URL] [--token TOKEN=ORG/NAME,…]`."""

from __future__ import annotations

import argparse
import json
import threading
from pathlib import Path

from hub.repos import Shelf
from hub.server import Hub, listen


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="hub", description="Serve a folder of models as a hub")
    parser.add_argument("--root", type=Path, required=True, help="folder with ORG/NAME/…")
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--content-port", type=int, help="serve large files on a port of their own")
    parser.add_argument("--content-url", default="", help="as what clients reach that port")
    parser.add_argument("--token", action="append", default=[], help="a valid token and what it was granted")
    parser.add_argument("--faults", default="[]", help="JSON list of faults from the start")
    options = parser.parse_args()
    granted = {word.partition("=")[0]: word.partition("=")[2].split(",") for word in options.token}
    hub = Hub(Shelf(options.root), granted, content_url=options.content_url)
    hub.faults.switch(json.loads(options.faults))
    if options.content_port:
        content = listen(hub, options.host, options.content_port)
        threading.Thread(target=content.serve_forever, daemon=True).start()
    server = listen(hub, options.host, options.port)
    print(f"hub of {', '.join(hub.shelf.ids()) or 'nothing yet'} on port {server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
