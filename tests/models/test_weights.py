"""Weights to files and back, bit for bit; files from strangers are refused, and run no code."""

import json
import os
import pickle
import struct
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from core.errors import StoreDamaged
from models.dcgan import Generator
from models.weights import is_finite, load_generator, save_generator
from tests.fixtures import TINY

DESCRIBED: dict[str, Any] = {"architecture": "dcgan", "config": asdict(TINY)}


def trained() -> Generator:
    """A network whose running statistics have moved, as after some training."""
    torch.manual_seed(0)
    network = Generator(TINY)
    network(torch.randn(8, 4), torch.arange(8) % 3)
    return network.eval()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_generator(tmp_path / "generator.safetensors", trained(), "dcgan", TINY)
    return tmp_path / "generator.safetensors"


def rewrite(path: Path, described: Any = DESCRIBED, tensors: dict[str, torch.Tensor] | None = None) -> None:
    tensors = load_file(path) if tensors is None else tensors
    save_file(tensors, path, metadata={"ganymede": json.dumps(described)})


def test_weights_come_back_bit_for_bit(path: Path) -> None:
    loaded, config = load_generator(path)

    wanted, found = trained().state_dict(), loaded.state_dict()
    assert config == TINY
    assert not loaded.training
    assert list(found) == list(wanted)
    assert all(torch.equal(found[name], wanted[name]) and found[name].dtype == wanted[name].dtype for name in wanted)


def test_a_loaded_network_draws_the_same_picture(path: Path) -> None:
    z_BZ, labels = torch.randn(4, 4), torch.tensor([0, 1, 2, 0])

    loaded, _ = load_generator(path)

    with torch.inference_mode():
        assert torch.equal(loaded(z_BZ, labels), trained()(z_BZ, labels))


def test_weights_from_before_there_was_a_depth_draw_what_they_drew(path: Path) -> None:
    z_BZ, labels = torch.randn(4, 4), torch.tensor([0, 1, 2, 0])
    before = {name: number for name, number in DESCRIBED["config"].items() if name != "depth"}
    rewrite(path, DESCRIBED | {"config": before})

    loaded, config = load_generator(path)

    assert config.depth == 0
    with torch.inference_mode():
        assert torch.equal(loaded(z_BZ, labels), trained()(z_BZ, labels))


def test_equal_weights_give_equal_bytes_whatever_their_memory_format(path: Path, tmp_path: Path) -> None:
    network = trained().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    save_generator(tmp_path / "b", network, "dcgan", TINY)

    assert (tmp_path / "b").read_bytes() == path.read_bytes()


def test_the_file_may_be_read_by_whom_the_umask_lets(path: Path) -> None:
    plain = path.with_name("plain")
    plain.touch()

    assert path.stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("length", [0, 5, 8, 100, 2000, -1])
def test_a_file_that_was_cut_short_is_refused(path: Path, length: int) -> None:
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(StoreDamaged, match=r"/generator\.safetensors cannot be loaded"):
        load_generator(path)


@pytest.mark.parametrize(
    "content",
    [b"\x89PNG\r\n\x1a\n" + bytes(100), b"text", struct.pack("<Q", 2**63) + b"{}", struct.pack("<Q", 2) + b"[]"],
)
def test_a_foreign_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(StoreDamaged, match="cannot be loaded"):
        load_generator(path)


def test_a_missing_file_is_damage(tmp_path: Path) -> None:
    with pytest.raises(StoreDamaged, match="cannot be loaded"):
        load_generator(tmp_path / "generator.safetensors")


class Trap:
    """Unpickled, it makes a folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_a_pickle_is_refused_and_not_opened(path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    if form == "pickle":
        path.write_bytes(pickle.dumps(Trap()))
    else:
        torch.save({"weights": Trap()}, path)

    with pytest.raises(StoreDamaged):
        load_generator(path)

    assert not (path.parent / "unpickled").exists()


FIELDS = DESCRIBED["config"]
assert isinstance(FIELDS, dict)


@pytest.mark.parametrize(
    "described",
    [
        *(None, [], "dcgan", {}, {"architecture": "dcgan"}, {"config": FIELDS}, {**DESCRIBED, "architecture": "other"}),
        *({**DESCRIBED, "architecture": ["dcgan"]}, {**DESCRIBED, "config": []}, {**DESCRIBED, "config": {}}),
        *(
            {**DESCRIBED, "config": {**FIELDS, **change}}
            for change in (
                *(
                    {"image_size": 16},
                    {"image_size": 9},
                    {"image_size": 8.0},
                    {"image_size": "8"},
                    {"image_size": None},
                ),
                *({"width": 32}, {"width": -16}, {"width": 10**12}, {"latent_dim": 5}, {"latent_dim": 10**30}),
                *({"num_classes": 0}, {"num_classes": -3}, {"channels": 3}, {"channels": 0}, {"invented": 1}),
            )
        ),
    ],
)
def test_a_file_that_describes_another_network_is_refused(path: Path, described: Any) -> None:
    rewrite(path, described)

    with pytest.raises(StoreDamaged, match="cannot be loaded"):
        load_generator(path)


def test_a_file_that_describes_nothing_is_refused(path: Path) -> None:
    save_file(load_file(path), path)

    with pytest.raises(StoreDamaged, match="cannot be loaded"):
        load_generator(path)


@pytest.mark.parametrize("change", ["missing", "more", "shape", "half", "double", "whole numbers"])
def test_tensors_that_do_not_fit_are_refused(path: Path, change: str) -> None:
    tensors = load_file(path)
    name = "stem.weight"
    if change == "missing":
        del tensors[name]
    elif change == "more":
        tensors["invented"] = torch.zeros(1)
    elif change == "shape":
        tensors[name] = tensors[name].T.contiguous()
    else:
        kinds = {"half": torch.float16, "double": torch.float64, "whole numbers": torch.int32}
        tensors[name] = tensors[name].to(kinds[change])
    rewrite(path, tensors=tensors)

    with pytest.raises(StoreDamaged, match="cannot be loaded"):
        load_generator(path)


@pytest.mark.parametrize("damage", ["cut", "overwritten"])
def test_what_happens_to_the_file_later_does_not_touch_a_loaded_network(path: Path, damage: str) -> None:
    loaded, _ = load_generator(path)
    with path.open("r+b") as file:
        if damage == "cut":
            file.truncate(0)
        else:
            file.write(b"\xff" * path.stat().st_size)

    found = loaded.state_dict()  # of a mapped file this would kill the process

    assert all(torch.equal(found[name], tensor) for name, tensor in trained().state_dict().items())


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_one_weight_or_statistic_that_is_no_number_is_found(number: float) -> None:
    network = trained()
    before = is_finite(network)
    batch_norm = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    assert batch_norm.running_var is not None

    batch_norm.running_var[3] = number

    assert (before, is_finite(network)) == (True, False)
