"""Metadata beside pictures: what tells the classes is read, and counts before the folders; else it is said why not."""

import json
from collections.abc import Sequence

import pytest

from core.datasets.build import Built
from core.datasets.lookup import Lookup
from core.errors import InvalidRequest
from tests.core.datasets.conftest import Build
from tests.uploads import plain, raw_zip, tarred, zipped

STYLEGAN = [f"0000{i}/img0000{i}{j}.png" for i in range(2) for j in range(3)]
FLAT = [f"{i}.png" for i in range(6)]
KINDS = ["cat", "dog", "cat", "dog", "dog", "cat"]


def packed(paths: Sequence[str], **tables: str | bytes) -> bytes:
    """Pictures with these names, of which the i-th has red i, and tables: `labels_csv` is labels.csv."""
    pictures = [(path, plain((i, 0, 0))) for i, path in enumerate(paths)]
    texts = [(name.replace("__", "/").replace("_", "."), text) for name, text in tables.items()]
    return zipped(pictures + [(name, text.encode() if isinstance(text, str) else text) for name, text in texts])


def told(built: Built) -> dict[int, str]:
    """The class of each picture, by its red."""
    content = built.content
    assert content.labels_N is not None
    reds = content.images_NHWC[:, 0, 0, 0].tolist()
    return {red: content.class_names[label] for red, label in zip(reds, content.labels_N.tolist(), strict=True)}


def bad(built: Built) -> dict[str, str]:
    return {each.name: each.reason for each in built.report.to_body().bad_files}


@pytest.mark.parametrize("wrapper", ["", "ffhq/"])
@pytest.mark.parametrize("kind", ["pairs", "object", "marks"])
def test_the_labels_of_stylegan_are_the_classes_and_its_folders_are_none(take: Build, wrapper: str, kind: str) -> None:
    numbers = [6, 0, 6, 10, 0, 6]
    labels: object = [[path, number] for path, number in zip(STYLEGAN, numbers, strict=True)]
    if kind == "object":
        labels = dict(zip(STYLEGAN, numbers, strict=True))
    if kind == "marks":
        labels = [[p, [float(i == n) for i in range(11)]] for p, n in zip(STYLEGAN, numbers, strict=True)]
    data = zipped(
        [(f"{wrapper}{path}", plain((i, 0, 0))) for i, path in enumerate(STYLEGAN)]
        + [(f"{wrapper}dataset.json", json.dumps({"labels": labels}).encode())]
    )

    built = take(data)

    assert built.content.class_names == ("0", "6", "10")
    assert told(built) == {i: str(number) for i, number in enumerate(numbers)}
    assert (built.report.bad, built.report.ignored) == (0, 1)
    assert "dataset.json, which names 6 of 6 pictures; not the folders" in built.report.to_body().notes[0]


def test_where_stylegan_has_no_labels_there_are_no_classes(take: Build) -> None:
    built = take(packed(STYLEGAN, dataset_json='{"labels": null}'))

    assert (built.content.class_names, built.report.taken, built.report.bad) == ((), 6, 0)
    assert built.report.to_body().notes == ["dataset.json says that there are no classes; the folders are none"]


@pytest.mark.parametrize(
    "content", ['{"labels": [["00000/img000000.png", [0.2, 0.4]]]}', '{"labels": [["0.png", {}]]}']
)
def test_labels_that_are_no_class_are_refused(take: Build, content: str) -> None:
    with pytest.raises(InvalidRequest, match=r"/file: dataset.json: label has lists; expected one class"):
        take(packed([*STYLEGAN, "0.png"], dataset_json=content))


@pytest.mark.parametrize("content", ["{", "[1]", '{"info": {}}', '{"labels": [1]}', "[" * 100_000, "\0\xff"])
def test_another_dataset_json_is_told_and_the_folders_count(take: Build, content: str) -> None:
    built = take(packed(["a/1.png", "b/1.png"], dataset_json=content))

    assert built.content.class_names == ("a", "b")
    assert bad(built)["dataset.json"].startswith("cannot be read as metadata")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("quoted", [False, True])
def test_a_table_of_any_dialect_is_read(take: Build, mark: str, end: str, encoding: str, quoted: bool) -> None:
    rows = [("file_name", "label"), *zip(FLAT, KINDS, strict=True)]
    lines = [mark.join(f'"{cell}"' if quoted else cell for cell in row) for row in rows]

    built = take(packed([f"00000/{name}" for name in FLAT], labels_csv=(end.join(lines) + end).encode(encoding)))

    assert told(built) == dict(enumerate(KINDS))
    assert built.report.bad == 0


@pytest.mark.parametrize(
    "header",
    [
        "file_name,label",
        "filename,class",
        "image_id,breed",
        "Image,Category",
        "Path,ClassName",
        "id,target",
        "file,label,caption",
        "img,width,height,label",
        "id,anything,split",
        "file,label_id,label",
    ],
)
def test_the_columns_have_many_names(take: Build, header: str) -> None:
    columns = header.split(",")
    values = {"width": "16", "height": "16", "split": "train", "caption": "a, b"}
    numbers = {"cat": "1", "dog": "2"}
    lines = [header]
    for name, kind in zip(FLAT, KINDS, strict=True):
        row = [name, *(values.get(column, numbers[kind] if column == "label_id" else kind) for column in columns[1:])]
        lines.append(",".join(f'"{cell}"' if "," in cell else cell for cell in row))

    assert told(take(packed(FLAT, labels_csv="\n".join(lines)))) == dict(enumerate(KINDS))


@pytest.mark.parametrize(
    "reference",
    [
        "{}.png",
        "./{}.png",
        "images/{}.png",
        "images\\{}.png",
        "C:\\data\\images\\{}.png",
        "/home/me/images/{}.png",
        "{}",
        "{}.PNG",
    ],
)
@pytest.mark.parametrize("table", ["labels_csv", "images__labels_csv", "meta__labels_csv"])
def test_pictures_are_found_by_path_name_or_stem(take: Build, reference: str, table: str) -> None:
    text = "file,label\n" + "".join(f"{reference.format(i)},{kind}\n" for i, kind in enumerate(KINDS))

    assert told(take(packed([f"images/{name}" for name in FLAT], **{table: text}))) == dict(enumerate(KINDS))


@pytest.mark.parametrize("name", ["labels.json", "metadata.json", "dataset.json"])
@pytest.mark.parametrize("kind", ["object", "pairs", "records"])
def test_labels_in_json_are_read(take: Build, name: str, kind: str) -> None:
    pairs = list(zip(FLAT, KINDS, strict=True))
    records = [{"file_name": file, "label": label, "text": "a\u2028b"} for file, label in pairs]
    content = {"object": dict(pairs), "pairs": pairs, "records": records}[kind]

    built = take(packed([f"00000/{file}" for file in FLAT], **{name.replace(".", "_"): json.dumps(content)}))

    assert told(built) == dict(enumerate(KINDS))


@pytest.mark.parametrize("name", ["metadata.parquet", "labels.xlsx"])
def test_a_table_of_another_kind_is_told(take: Build, name: str) -> None:
    built = take(packed(["a/0.png", "b/1.png"], **{name.replace(".", "_"): b"PAR1"}))

    assert built.content.class_names == ("a", "b")
    assert bad(built)[name] == "is a table of a kind that is not read; save it as CSV"


def test_what_separates_columns_is_what_does_so_in_every_row(take: Build) -> None:
    rows = [f"{name};{kind};{i},5" for i, (name, kind) in enumerate(zip(FLAT, KINDS, strict=True))]

    for header in ("file;label;size, in kB, of the file", "file;label;size"):
        assert told(take(packed(FLAT, labels_csv="\n".join([header, *rows])))) == dict(enumerate(KINDS))


def test_a_table_without_a_header_is_read(take: Build) -> None:
    text = "".join(f"{name},{kind}\n" for name, kind in zip(FLAT, KINDS, strict=True))

    assert told(take(packed(FLAT, labels_csv=text))) == dict(enumerate(KINDS))


def test_metadata_of_an_image_folder_is_read_in_each_split(take: Build) -> None:
    def lines(kinds: Sequence[str]) -> str:
        return "".join(json.dumps({"file_name": f"{i}.png", "label": kind}) + "\n" for i, kind in enumerate(kinds))

    paths = [f"{split}/{i}.png" for split in ("train", "test") for i in range(3)]
    data = packed(paths, train__metadata_jsonl=lines(KINDS[:3]), test__metadata_jsonl=lines(KINDS[3:]))

    assert told(take(data)) == dict(enumerate(KINDS))


def test_one_mark_in_a_row_of_columns_is_a_class(take: Build) -> None:
    text = "image,MEL,NV,BCC\n" + "".join(f"{i},{int(i < 2)}.0,{int(i in (2, 3))}.0,{int(i > 3)}.0\n" for i in range(6))

    assert told(take(packed(FLAT, GroundTruth_csv=text))) == {0: "MEL", 1: "MEL", 2: "NV", 3: "NV", 4: "BCC", 5: "BCC"}


def test_metadata_counts_before_folders_that_say_otherwise(take: Build) -> None:
    paths = [f"{('a', 'b')[i % 2]}/{i}.png" for i in range(6)]
    text = "file,label\n" + "".join(f"{path},{kind}\n" for path, kind in zip(paths, KINDS, strict=True))

    assert told(take(packed(paths, labels_csv=text))) == dict(enumerate(KINDS))


def test_pictures_that_lack_a_row_and_rows_that_lack_a_picture_are_told(take: Build) -> None:
    text = "file,label\n0.png,cat\n1.png,dog\n2.png,\n3.png,cat\n3.png,dog\nno.png,cat\nnone.png,cat\n"

    built = take(packed(FLAT, labels_csv=text))

    assert told(built) == {0: "cat", 1: "dog"}
    assert bad(built) == {
        "2.png": "has no class in labels.csv",
        "3.png": "has several classes in labels.csv, as cat and dog",
        "4.png": "is not named by labels.csv, which tells the classes",
        "5.png": "is not named by labels.csv, which tells the classes",
    }
    assert "labels.csv names pictures that are not here: no.png, none.png" in built.report.to_body().notes


def test_two_columns_that_may_be_the_class_are_refused(take: Build) -> None:
    text = "file,fine_label,coarse_label\n" + "".join(f"{i}.png,{i},{i % 2}\n" for i in range(6))

    with pytest.raises(InvalidRequest, match=r"labels.csv: which column is the class\? \(fine_label, coarse_label\)"):
        take(packed(FLAT, labels_csv=text))


def test_two_tables_that_contradict_each_other_are_refused(take: Build) -> None:
    with pytest.raises(InvalidRequest, match=r"labels.csv and metadata.csv tell different classes"):
        take(packed(FLAT, labels_csv="file,label\n0.png,a\n", metadata_csv="file_name,label\n0.png,b\n"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0,cat\n1,dog\n", "names 2 of 6 pictures"),
        ("index,name\n7,cat\n8,dog\n", "names no picture"),
        ("file_name,text\n0.png,a cat\n1.png,a dog\n", r"without a column `label` or `class` \(it has text\)"),
        ("file_name,x,y\n0.png,1,2\n", "without a column"),
        ("file_name,remark\n" + "".join(f"{i}.png,remark {i}\n" for i in range(6)), "remark is no class"),
        ("file_name,label\n", "without a row"),
        ("one column\n", "cannot be read as metadata"),
        ("", "cannot be read as metadata"),
        ('"' + "x" * 200_000 + '",1\n', "cannot be read as metadata"),
        ("\0,\0\n", "without a row"),
    ],
)
def test_a_table_that_tells_no_classes_is_told_and_the_folders_count(take: Build, text: str, reason: str) -> None:
    paths = [f"{('a', 'b')[i % 2]}/{i}.png" for i in range(6)]

    built = take(packed(paths, labels_csv=text))

    assert built.content.class_names == ("a", "b")
    assert reason.replace("\\", "") in bad(built)["labels.csv"]


def test_a_form_for_answers_tells_no_classes(take: Build) -> None:
    built = take(packed(["a/0.png", "b/1.png"], sample_submission_csv="id,label\n0,1\n1,1\n"))

    assert built.content.class_names == ("a", "b")


def test_a_table_in_another_encoding_is_decoded_as_the_names_are(take: Build) -> None:
    names = ["表.png", "猫.png"]
    text = "file,label\n" + "".join(f"{name},種{i}\n" for i, name in enumerate(names))
    entries = [(name.encode("cp932"), plain((i, 0, 0))) for i, name in enumerate(names)]
    data = raw_zip([*entries, (b"labels.csv", text.encode("cp932"))])

    assert told(take(data, encoding="cp932")) == {0: "種0", 1: "種1"}
    assert len(set(told(take(data)).values())) == 2


def test_metadata_in_a_tar_is_read(take: Build) -> None:
    assert told(
        take(tarred([*((n, plain((i, 0, 0))) for i, n in enumerate(FLAT)), ("labels.csv", b"0.png,a\n1.png,b\n")]))
    ) == {0: "a", 1: "b"}


def test_pictures_of_one_name_are_told_apart_by_their_folders_however_many_there_are() -> None:
    lookup = Lookup([("data", f"sample-{i}", "image.png") for i in range(20_000)])

    found = [lookup.find(f"/home/me/Sample-{i}/image.png", ()) for i in range(20_000)]

    assert found == list(range(20_000))
    assert lookup.find("image", ()) is lookup.find("image.png", ()) is None
