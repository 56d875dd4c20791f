"""POST /datasets with names of any encoding: what the answer tells of them can be sent and read."""

import httpx

from tests.app.datasets.test_dataset_upload import upload
from tests.uploads import picture, raw_zip, tarred


async def test_a_tar_with_names_of_another_encoding_is_told_as_it_is_understood(api: httpx.AsyncClient) -> None:
    names = [f"{split}/{name}/1.png" for split in ("train", "test") for name in ("犬", "猫")]
    raw = [(name.encode("cp932").decode("utf-8", "surrogateescape"), picture((16, 16), seed=1)) for name in names]
    data = tarred([*raw, ("../out\udcff.png", b"")], "w:gz")

    untold = await upload(api, data, name="untold")
    told = await upload(api, data, name="told", encoding="Shift-JIS")
    wrong = await upload(api, data, encoding="klingon")

    report = untold.json()["report"]
    assert (untold.status_code, told.status_code, wrong.status_code) == (201, 201, 422)
    assert told.json()["class_names"] == ["犬", "猫"]
    assert all("\\x" in name for name in untold.json()["class_names"])
    assert report["bad_files"] == [{"name": "../out\\xff.png", "reason": "its name leads out of the archive"}]
    assert len(report["notes"]) == 2
    assert [problem["pointer"] for problem in wrong.json()["errors"]] == ["/encoding"]


async def test_an_archive_with_nothing_but_odd_names_is_refused_readably(api: httpx.AsyncClient) -> None:
    answers = [await upload(api, tarred([(name, b"no")])) for name in ("\udcff\n.png", "\udcff.csv", "\udcff.npy")]
    answers.append(await upload(api, raw_zip([(b"\xff.npy", b"no")])))

    assert [answer.status_code for answer in answers] == [422] * 4
    assert all("\\xff" in answer.text for answer in answers)
