"""Answers of /generate, read with other programs than those that wrote them."""

import base64
import io
import json
import zipfile
from typing import Any

import httpx
import numpy as np
from PIL import Image

from core.media.images import Images


async def draw(client: httpx.AsyncClient, **asked: Any) -> httpx.Response:
    answer = await client.get("/generate", params=asked)
    assert answer.status_code == 200, answer.text
    return answer


def picture(data: bytes) -> Images:
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(opened)


def arrays(answer: httpx.Response) -> Images:
    """The images (N, H, W, C) of an answer that holds them one by one."""
    kind = answer.headers["Content-Type"]
    if kind == "application/x-npy":
        images: Images = np.load(io.BytesIO(answer.content), allow_pickle=False)
        return images
    pngs = [base64.b64decode(each["png"], validate=True) for each in answer.json()["images"]] if "json" in kind else []
    if kind == "application/zip":
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            pngs = [archive.read(name) for name in archive.namelist() if name.endswith(".png")]
    stacked = np.stack([picture(png) for png in pngs])
    return stacked if stacked.ndim == 4 else stacked[..., None]


def recipe(png: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(png)) as opened:
        assert list(opened.info) == ["ganymede"]
        told: dict[str, Any] = json.loads(opened.info["ganymede"])
        return told
