"""What starts a training group (systemd, Slurm, Kubernetes): held to the arguments of the installed torchrun."""

import configparser
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from core.settings import Settings
from tests.test_kubernetes import GROUP, GROUP_POD, container

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
BATCH, UNIT = DEPLOY / "slurm" / "group.sbatch", DEPLOY / "systemd" / "ganymede-group.service"
NUMBERS = {"HOSTS": "2", "PROCESSES": "4", "HOST_RANK": "1", "SLURM_NNODES": "2", "SLURM_GPUS_ON_NODE": "4"}
NUMBERS |= {"SLURM_NODEID": "1", "PORT": "29500"}


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def of_slurm() -> list[str]:
    (inner,) = re.findall(r"^srun .*bash -c 'exec (.*?)'$", BATCH.read_text(), re.MULTILINE | re.DOTALL)
    return shlex.split(inner.replace("\\\n", " "))


COMMANDS = {
    "kubernetes": container(GROUP_POD)["command"],
    "systemd": shlex.split(unit()["Service"]["ExecStart"]),
    "slurm": of_slurm(),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_torchrun_takes_what_is_asked_of_it(name: str) -> None:
    words = COMMANDS[name][COMMANDS[name].index("torch.distributed.run") + 1 :]

    filled = [re.sub(r"\$[{(]?(\w+)[})]?", lambda found: NUMBERS.get(found[1], found[1]), word) for word in words]
    asked = get_args_parser().parse_args(filled)
    assert (asked.rdzv_backend, asked.max_restarts, asked.module, asked.training_script) == (
        "static",
        0,
        True,
        "worker",
    )
    assert (asked.nnodes, asked.nproc_per_node, asked.master_port) == ("2", "4", 29500)
    assert asked.node_rank in (1, 0)
    assert asked.master_addr != "127.0.0.1"


def test_the_job_set_starts_as_many_as_torchrun_waits_for() -> None:
    (job,) = GROUP["spec"]["replicatedJobs"]
    spec, command = job["template"]["spec"], container(GROUP_POD)["command"]

    assert f"--nnodes={spec['completions']}" in command
    assert (spec["parallelism"], spec["completionMode"], spec["backoffLimit"]) == (spec["completions"], "Indexed", 0)
    assert f"--nproc-per-node={container(GROUP_POD)['resources']['limits']['nvidia.com/gpu']}" in command
    name = GROUP["metadata"]["name"]
    assert f"--master-addr={name}-{job['name']}-0-0.{name}" in command  # as JobSet names pod and Service
    assert container(GROUP_POD)["env"][0]["name"] == "HOST_RANK"


def test_the_unit_starts_its_part_again_and_lets_a_checkpoint_be_written() -> None:
    service = unit()["Service"]

    assert (service["Restart"], service["KillMode"]) == ("always", "mixed")
    assert int(service["TimeoutStopSec"]) > 50
    named = set(re.findall(r"\$\{(\w+)\}", service["ExecStart"]))
    told = set(re.findall(r"^#   (\w+)=", UNIT.read_text(), re.MULTILINE))
    assert named <= told
    settings = {f"GANYMEDE_{field.upper()}" for field in Settings.model_fields}
    assert {name for name in told if name.startswith("GANYMEDE_")} <= settings


def test_the_batch_file_is_bash_and_asks_slurm_to_end_a_group_whole() -> None:
    text = BATCH.read_text()

    checked = subprocess.run(["bash", "-n", str(BATCH)], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", text, re.MULTILINE))
    assert {"nodes", "ntasks-per-node", "requeue", "signal"} <= asked.keys()
    assert asked["ntasks-per-node"] == "1"  # torchrun starts the processes of a host
    assert "srun --kill-on-bad-exit=1" in text
    assert 'scontrol requeue "$SLURM_JOB_ID"' in text
