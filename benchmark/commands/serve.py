"""`seada-bench serve`: a local page on which an archive is searched by image."""

from __future__ import annotations

import logging
import socket
from contextlib import suppress
from pathlib import Path

from benchmark.commands.terminal import say
from benchmark.errors import UserError
from benchmark.folders import check_are_there
from benchmark.parsing import Parser, at_least_one


def main(args: list[str]) -> int:
    """Run the command with the arguments after its name; its exit status."""
    parser = Parser("serve", "Search an index by image on a local page; see docs/search_page.md.")
    parser.add_argument("--index", type=Path, required=True, help="Folder that seada-bench index build wrote.")
    parser.add_argument("--host", type=str, default="127.0.0.1", help="Address to listen at; others can reach another.")
    parser.add_argument("--port", type=int, default=8765, help="Port to listen at; 0 for any free one.")
    parser.add_argument("--max_upload", type=int, default=200, help="MB that may be uploaded at a time.")
    parser.add_argument("--show_ids", action="store_true", help="Show subjects and sessions by their own names.")
    parser.add_argument(
        "--salt", type=Path | None, default=None, help="Salt of the pseudonyms; by default they are new at each start."
    )
    parser.add_argument(
        "--trust", type=str, nargs="+", default=[], help="Classes, or modules of them, that the model may import."
    )
    parser.add_argument("--plugins", type=Path, nargs="+", default=[], help="Folders with modules of class paths.")
    options = parser.parse_args(args)
    at_least_one("max_upload", options.max_upload)
    if not 0 <= options.port <= 65535:
        raise UserError(f"--port: {options.port} is not allowed; 0 to 65535 are")
    if options.show_ids and options.salt is not None:
        raise UserError("--salt: is for pseudonyms, which --show_ids puts away")
    check_are_there([options.index / "index.json"])
    # Before the model is loaded, which takes long.
    listening = _listening(options.host, options.port)

    with listening:
        import secrets

        import uvicorn

        from benchmark.plugins import use_plugins
        from benchmark.pseudonyms import read_or_make_salt
        from benchmark.search.archive import model_of
        from benchmark.search.serve.app import make_app
        from benchmark.search.serve.security import Access
        from benchmark.search.serve.service import Service
        from benchmark.search.serve.shown import Archives

        use_plugins(options.plugins)
        salt = secrets.token_bytes(32) if options.salt is None else read_or_make_salt(options.salt)
        archives = Archives(options.index, None if options.show_ids else salt)
        index = archives.current().index
        service = Service(archives, model_of(options.index, index, options.trust))
        access = Access(options.host, listening.getsockname()[1])
        app = make_app(service, access, options.max_upload * 1_000_000)
        # Addresses hold names of queries, so that none is logged.
        config = uvicorn.Config(
            app, log_level=logging.ERROR, access_log=False, server_header=False, ws="none", timeout_graceful_shutdown=3,
            limit_concurrency=512,
        )  # fmt: skip
        say(f"{len(index)} scans; open {access.url}\nwhoever has this address can search; Ctrl-C ends")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
    return 0


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise UserError(f"--host: {host} is no address of this machine: {error.strerror}") from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise UserError(f"--port: cannot listen at {host}:{port}: {error.strerror}; 0 takes any free port") from None
    return listening
