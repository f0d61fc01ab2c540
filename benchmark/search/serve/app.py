"""The page's server."""

from __future__ import annotations

import json
import math
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
from anyio.to_thread import run_sync
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from benchmark.errors import UserError
from benchmark.search.serve.jobs import BusyError, GoneError, one_line
from benchmark.search.serve.security import UPLOADS, Access, Guard
from benchmark.search.serve.service import Service, Upload
from benchmark.search.serve.uploads import save_upload, shown_name

#: Seconds after which a browser may ask again when a queue is full.
AGAIN = 3
#: Scans on a page of the archive's list.
PAGE = 10
#: Volumes that are read at a time.
READERS = 2
_PAGES = Environment(
    loader=PackageLoader("benchmark.search.serve"), autoescape=select_autoescape(default=True), trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip


def make_app(service: Service, access: Access, upload_limit: int) -> ASGIApp:
    """The application.

    Parameters
    ----------
    service
        What it answers from; it is stopped when the server ends.
    access
        Who may ask.
    upload_limit
        Bytes of one upload.
    """
    pages = _Pages(service, access, upload_limit)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_sync(service.stop)
        shutil.rmtree(pages.folder, ignore_errors=True)

    routes = [
        Route("/", pages.index),
        Route("/api/login", pages.login, methods=["POST"]),
        Route("/api/scans", pages.scans),
        Route(UPLOADS, pages.upload, methods=["POST"]),
        Route("/api/search", partial(pages.started, service.search), methods=["POST"]),
        Route("/api/maps", partial(pages.started, service.map), methods=["POST"]),
        Route("/api/jobs/{name}", pages.job),
        Route("/api/answers/{name}.{kind}", pages.table),
        *[
            Route(f"/api/{what}/{{name}}/volume.nii", partial(pages.volume, read))
            for what, read in (
                ("queries", service.query_volume), ("scans", service.scan_volume), ("maps", service.map_volume),
            )
        ],
        Mount("/static", StaticFiles(packages=[("benchmark.search.serve", "static")])),
    ]  # fmt: skip
    handlers: dict[Any, Any] = {
        UserError: lambda _, error: _refused(422, str(error)),
        GoneError: lambda _, error: _refused(410, str(error)),
        BusyError: lambda _, error: _refused(503, "many people search just now; try again soon", AGAIN),
        HTTPException: lambda _, error: _refused(error.status_code, error.detail),
        Exception: lambda _, error: _refused(500, "the server could not answer; its terminal says why"),
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan), access, upload_limit)


class _Pages:
    def __init__(self, service: Service, access: Access, upload_limit: int) -> None:
        self.service, self.access, self.upload_limit = service, access, upload_limit
        self.folder = Path(tempfile.mkdtemp(prefix="seada-bench-serve-"))
        self._readers = anyio.CapacityLimiter(READERS)

    async def index(self, request: Request) -> Response:
        if not self.access.has_cookie(request.headers):
            return HTMLResponse(_PAGES.get_template("login.html.j2").render())
        about = await run_sync(self.service.about)
        page = _PAGES.get_template("index.html.j2").render(about=about, upload_limit=self.upload_limit)
        return HTMLResponse(page)

    async def login(self, request: Request) -> Response:
        token = (await _asked(request)).get("token")
        if not isinstance(token, str) or not self.access.knows_token(token):
            raise HTTPException(401, "this is not the address that the server printed when it started")
        return JSONResponse({}, headers={"set-cookie": self.access.set_cookie})

    async def scans(self, request: Request) -> Response:
        words, offset = request.query_params.get("words", "")[:200], request.query_params.get("offset", "0")
        if not (offset.isascii() and offset.isdigit() and len(offset) < 16):
            raise HTTPException(400, "offset: a whole number is needed")
        list_ = partial(self._listed, words, int(offset))
        return JSONResponse(await run_sync(list_))

    def _listed(self, words: str, offset: int) -> dict[str, Any]:
        total, scans = self.service.archives.current().listed(words, offset, PAGE)
        return {"total": total, "page": PAGE, "scans": scans}

    async def upload(self, request: Request) -> Response:
        self.service.embedding.check_has_room()
        async with request.form(max_files=2, max_fields=8, max_part_size=4096) as form:
            image, mask = form.get("image"), form.get("mask")
            if not isinstance(image, UploadFile):
                raise UserError("image: a NIfTI file is needed")
            said = {name: str(form.get(name) or "").strip() for name in ("raw", "site", "age", "sex", "subject")}
            upload = await run_sync(self._saved, image, mask if isinstance(mask, UploadFile) else None, said)
        return JSONResponse({"job": await run_sync(self.service.embed, upload)}, 202)

    def _saved(self, image: UploadFile, mask: UploadFile | None, said: Mapping[str, str]) -> Upload:
        called, age = shown_name(image.filename), _age(said["age"])
        if said["sex"] not in ("", "F", "M"):
            raise UserError("sex: must be F, M, or empty where unknown")
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        try:
            if (image.size or 0) + (mask.size or 0 if mask else 0) > self.upload_limit:
                raise HTTPException(413, f"uploads of at most {self.upload_limit / 1e6:.0f} MB are allowed")
            files = [save_upload(image.file, folder, "image", called)]
            if mask is not None and mask.size:
                files.append(save_upload(mask.file, folder, "mask", f"the mask {shown_name(mask.filename)}"))
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return Upload(
            folder, files[0], files[1] if len(files) > 1 else None, called, bool(said["raw"]), said["site"], age,
            said["sex"], said["subject"],
        )  # fmt: skip

    async def started(self, start: Callable[[Mapping[str, Any]], str], request: Request) -> Response:
        asked = await _asked(request)
        return JSONResponse({"job": await run_sync(start, asked)}, 202)

    async def job(self, request: Request) -> Response:
        return JSONResponse(self.service.jobs.get(request.path_params["name"]).state())

    async def table(self, request: Request) -> Response:
        name, kind = request.path_params["name"], request.path_params["kind"]
        if kind not in ("csv", "json"):
            raise HTTPException(404, "tables are csv or json")
        text = await run_sync(self.service.table, name, kind)
        media = "text/csv" if kind == "csv" else "application/json"
        headers = {"content-disposition": f'attachment; filename="hits.{kind}"'}
        return Response(text, media_type=media, headers=headers)

    async def volume(self, read: Callable[[str], bytes], request: Request) -> Response:
        content = await run_sync(read, request.path_params["name"], limiter=self._readers)
        return Response(content, media_type="application/octet-stream")


async def _asked(request: Request) -> dict[str, Any]:
    try:
        asked = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise HTTPException(400, "JSON is needed") from None
    if not isinstance(asked, dict):
        raise HTTPException(400, "a JSON object is needed")
    return asked


def _age(text: str) -> float | None:
    if not text:
        return None
    try:
        age = float(text)
    except ValueError:
        age = math.nan
    if not 0 <= age <= 130:
        raise UserError("age: must be in years, 0 to 130, or empty where unknown")
    return age


def _refused(status: int, why: str, again: int = 0) -> Response:
    return JSONResponse({"error": one_line(why)}, status, headers={"retry-after": str(again)} if again else None)
