"""GET /datasets/{dataset}/clip: one clip of a dataset to listen to, as its spectrogram sounds. Knows no file.

Shape suffixes: N clips, H bands, W columns, C channels (1).
"""

from typing import Annotated

import numpy as np
from fastapi import Query, Response
from starlette.concurrency import run_in_threadpool

from app.datasets.body import DatasetName
from app.datasets.route import Label, class_with_images
from app.deps import ServicesDep
from app.errors import documented
from app.generate.sounds import CLIP_S, ENCODER
from app.http.conditional import IfNoneMatch, is_known
from app.http.routing import Router
from core.datasets import Dataset
from core.errors import DatasetNotFound, InvalidRequest, Overloaded
from core.media.images import Images
from core.media.sound.files import to_wav
from core.media.sound.reconstruction import to_samples
from core.refs import check_name
from ganymede.schemas.keys import KeyScope
from ganymede.schemas.sound import AudioFormat

router = Router(prefix="/datasets", tags=["datasets"], writes=KeyScope.DATASETS_WRITE, needs_files=True)

Index = Annotated[int, Query(ge=0, lt=2**53, description="Which clip: of the class, or of all of them.")]


@router.get(
    "/{dataset}/clip",
    response_class=Response,
    responses={
        200: {"content": {"audio/wav": {}}, "description": "The clip."},
        304: {"description": "You have it."},
        **documented(DatasetNotFound, InvalidRequest, Overloaded),
    },
)
async def clip_of_dataset(
    dataset: DatasetName,
    services: ServicesDep,
    label: Label = None,
    index: Index = 0,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """A clip of a dataset of sounds as WAV. It is made of the spectrogram that is kept, as a perfect generator's would
    be: the phases of the file that was sent are gone.
    """
    name = check_name(dataset, "dataset")
    found = await run_in_threadpool(services.datasets.get, name)
    audio = found.manifest.audio
    if audio is None:
        raise InvalidRequest.field("dataset", f"{name!r} holds pictures, and no sounds")
    of_class = "all" if label is None else class_with_images(label, found)
    tag = f"{found.manifest.version}-{of_class}-{index}-{ENCODER}".replace(" ", "-")
    headers = {"ETag": f'W/"{tag}"', "Cache-Control": "no-cache"}
    if is_known(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    picture_HWC = await run_in_threadpool(_chosen, found, label, index)
    content = await services.encoders.run(audio.seconds * CLIP_S, _wav, picture_HWC, audio)
    return Response(content, headers=headers, media_type="audio/wav")


def _chosen(dataset: Dataset, label: str | None, index: int) -> Images:
    labels_N, count = dataset.labels(), dataset.manifest.count
    places = np.arange(count)
    if label is not None:
        places = np.flatnonzero(labels_N == class_with_images(label, dataset))
    if index >= len(places):
        raise InvalidRequest.field("index", f"0 to {len(places) - 1}, got {index}")
    picture_HWC: Images = np.array(dataset.images()[places[index]])
    return picture_HWC


def _wav(picture_HWC: Images, audio: AudioFormat) -> bytes:
    return to_wav(to_samples(picture_HWC, audio, seed=0), audio.sample_rate)
