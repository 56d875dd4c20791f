"""The variables of torchrun: a whole group, none, or one error that says what to do."""

import pytest

from core.machine.group import GroupError, GroupPlace, read_place

WHOLE = {
    "RANK": "3",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "GROUP_WORLD_SIZE": "2",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "TORCHELASTIC_MAX_RESTARTS": "0",
}


def put(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name in WHOLE:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_what_torchrun_says_is_a_place_in_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, **WHOLE)

    place = GroupPlace(rank=3, size=4, local_rank=1, local_size=2, hosts=2, address="10.0.0.1", port=29500)
    assert read_place() == place
    assert not place.is_first


@pytest.mark.parametrize("variables", [{}, {**WHOLE, "RANK": "0", "WORLD_SIZE": "1"}, {"MASTER_ADDR": "10.0.0.1"}])
def test_a_process_alone_has_no_place(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    put(monkeypatch, **variables)

    assert read_place() is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"MASTER_ADDR": ""}, "WORLD_SIZE is set and MASTER_ADDR is not: .*torchrun --rdzv-backend static.*unset"),
        ({"WORLD_SIZE": ""}, "RANK is set and WORLD_SIZE is not"),
        ({"TORCHELASTIC_USE_AGENT_STORE": "False"}, "torchrun keeps no store"),
        ({"TORCHELASTIC_MAX_RESTARTS": "3"}, "--max-restarts has to be 0"),
        ({"LOCAL_RANK": "one"}, "LOCAL_RANK is no number"),
    ],
)
def test_half_a_group_is_one_error(monkeypatch: pytest.MonkeyPatch, change: dict[str, str], why: str) -> None:
    put(monkeypatch, **{**WHOLE, **change})

    with pytest.raises(GroupError, match=why):
        read_place()
