"""Manifests for Kubernetes: held to its schemas, and to what Dockerfile and docker-compose.yml say of the same."""

import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml  # type: ignore[import-untyped]

from app.main import PARTS
from core.settings import Settings
from ganymede.schemas import VERSION
from ganymede.schemas.states import Status
from tests.test_containers import COMPOSE, last

FOLDER = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes"
KUBECTL = shutil.which("kubectl")
KUSTOMIZATIONS = sorted(path.parent for path in FOLDER.rglob("kustomization.yaml"))
FROM_ELSEWHERE = {"jobset.x-k8s.io/v1alpha2"}  # not of Kubernetes itself: no schema of it is here

Json = dict[str, Any]


def documents(path: Path) -> Iterator[Json]:
    yield from (each for each in yaml.safe_load_all(path.read_text()) if each)


WHOLE = [
    (path, each)
    for path in sorted(FOLDER.rglob("*.yaml"))
    if path.name != "kustomization.yaml" and ("overlays" not in path.parts or path.parent.name == "group")
    for each in documents(path)
]
BASE = {(each["kind"], each["metadata"]["name"]): each for path, each in WHOLE if path.parent.name == "base"}
PODS: dict[str, Json] = {
    name: BASE[kind, name]["spec"]["template"]["spec"] for kind, name in BASE if kind in ("Deployment", "StatefulSet")
}
OF_GROUP = {(each["kind"], each["metadata"]["name"]): each for path, each in WHOLE if path.parent.name == "group"}
GROUP: Json = OF_GROUP["JobSet", "training-group"]


def pod_of(job_set: Json) -> Json:
    found: Json = job_set["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    return found


GROUP_POD = pod_of(GROUP)
OURS = {"api": PODS["api"], "worker": PODS["worker"], "training-group": GROUP_POD}


def container(pod: Json) -> Json:
    (only,) = pod["containers"]
    found: Json = only
    return found


def variables(*names: str) -> Json:
    return {key: value for name in names for key, value in BASE["ConfigMap", name]["data"].items()}


def validate(document: Json) -> None:
    """Of a JobSet the Job in it is looked at: its own schema is not here."""
    if document["apiVersion"] in FROM_ELSEWHERE:
        job = document["spec"]["replicatedJobs"][0]["template"]
        document = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "worker"}, **job}
    with warnings.catch_warnings():  # of how it looks for its own files
        warnings.simplefilter("ignore")
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize(("path", "document"), WHOLE, ids=[f"{path.name} {each['kind']}" for path, each in WHOLE])
def test_a_manifest_keeps_to_the_schema_of_kubernetes(path: Path, document: Json) -> None:
    validate(document)


def test_a_misspelt_field_would_be_noticed() -> None:
    wrong = {**BASE["Service", "ganymede"], "spek": {}}

    with pytest.raises(kubernetes_validate.ValidationError):
        validate(wrong)


@pytest.mark.skipif(KUBECTL is None, reason="KUBECTL IS NOT HERE: no overlay was put together")
@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=lambda folder: folder.name)
def test_every_overlay_can_be_put_together_and_keeps_to_the_schema(folder: Path) -> None:
    made = subprocess.run([str(KUBECTL), "kustomize", str(folder)], capture_output=True, text=True, timeout=300)

    assert made.returncode == 0, made.stderr
    found = list(yaml.safe_load_all(made.stdout))
    for document in found:
        validate(document)
    more = OF_GROUP.keys() if folder.name == "group" else set()
    assert {(each["kind"], each["metadata"]["name"]) for each in found} == BASE.keys() | more
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in found
        if "template" in each.get("spec", {})
    }
    images = {container(pod)["image"] for pod in pods.values()}
    images |= {container(pod_of(each))["image"] for each in found if each["kind"] == "JobSet"}
    assert images == {f"ganymede-api:{VERSION}", f"ganymede-worker:{VERSION}", COMPOSE["services"]["valkey"]["image"]}
    claim = next(each for each in found if each["kind"] == "PersistentVolumeClaim")["spec"]
    if folder.name == "gpu":
        assert container(pods["worker"])["resources"]["limits"]["nvidia.com/gpu"] == 1
        assert pods["worker"]["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
        assert "nodeSelector" not in pods["api"]
    if folder.name == "one-node":
        assert claim["accessModes"] == ["ReadWriteOnce"]
        assert all(pods[name]["affinity"]["podAffinity"] for name in ("api", "worker"))
    else:
        assert claim["accessModes"] == ["ReadWriteMany"]


def test_every_file_of_the_base_is_in_it() -> None:
    (base,) = documents(FOLDER / "base" / "kustomization.yaml")

    files = {path.name for path in (FOLDER / "base").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(base["resources"]) == files
    assert {image["name"]: image["newTag"] for image in base["images"]} == dict.fromkeys(
        ("ganymede-api", "ganymede-worker"), VERSION
    )


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_images_ports_folders_and_time_to_stop_are_those_of_compose(name: str) -> None:
    service, pod = COMPOSE["services"][name], PODS[name]

    own = container(pod)
    assert own["image"] == service["image"]
    assert pod["terminationGracePeriodSeconds"] == int(service["stop_grace_period"].removesuffix("s"))
    volumes = {volume.partition(":")[0]: volume.partition(":")[2] for volume in service["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in own["volumeMounts"]}
    assert volumes.items() <= mounts.items()
    assert own.get("command") == service.get("command")
    if "tmpfs" in service:
        assert mounts["tmp"] == service["tmpfs"][0]
        (tmp,) = (volume for volume in pod["volumes"] if volume["name"] == "tmp")
        assert tmp["emptyDir"]["medium"] == "Memory"


@pytest.mark.parametrize("name", OURS)
def test_the_user_and_the_folder_are_those_of_the_image(name: str) -> None:
    target = "api" if name == "api" else "worker"
    pod = OURS[name]

    assert pod["securityContext"]["runAsUser"] == int(last(target, "USER"))
    assert pod["securityContext"]["fsGroup"] == int(last(target, "USER"))
    assert container(pod)["image"].partition(":")[0] == COMPOSE["services"][target]["image"]
    assert f"GANYMEDE_HOME={container(pod)['volumeMounts'][0]['mountPath']} " in f"{last(target, 'ENV')} "


def test_the_api_listens_where_it_is_asked() -> None:
    own, service = container(PODS["api"]), BASE["Service", "ganymede"]["spec"]["ports"][0]
    port = int(last("api", "EXPOSE"))

    assert own["ports"] == [{"name": "http", "containerPort": port}]
    assert (service["port"], service["targetPort"]) == (port, "http")
    assert variables("ganymede-api-settings")["GANYMEDE_PORT"] == str(port)
    (ingress,) = BASE["NetworkPolicy", "api"]["spec"]["ingress"]
    assert ingress["ports"][0]["port"] == port


def test_probes_ask_what_is_there_and_what_compose_asks() -> None:
    paths = {route.path for part in PARTS for route in part.router.routes if hasattr(route, "path")}
    api, worker, valkey = (container(PODS[name]) for name in ("api", "worker", "valkey"))
    healthy = {name: COMPOSE["services"][name]["healthcheck"]["test"] for name in COMPOSE["services"]}

    asked = {kind: api[kind]["httpGet"]["path"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"}
    assert set(asked.values()) <= paths
    assert asked["readinessProbe"] in " ".join(healthy["api"])
    assert worker["readinessProbe"]["exec"]["command"] == healthy["worker"][1:]
    assert "livenessProbe" not in worker  # it fails without Redis, and a training goes on without
    assert valkey["readinessProbe"]["exec"]["command"][-1] == healthy["valkey"][1]


def test_settings_are_such_as_there_are_and_say_what_compose_says() -> None:
    known = {f"GANYMEDE_{name.upper()}" for name in Settings.model_fields}
    of_both, of_api = variables("ganymede-settings"), variables("ganymede-api-settings")
    compose = COMPOSE["services"]["api"]["environment"]

    assert of_both.keys() | of_api.keys() <= known
    assert of_both.keys() <= COMPOSE["services"]["worker"]["environment"].keys()
    assert of_both["GANYMEDE_REDIS_URL"] == compose["GANYMEDE_REDIS_URL"]
    assert of_api["GANYMEDE_HOST"] == compose["GANYMEDE_HOST"]
    assert set(of_api["GANYMEDE_ALLOWED_HOSTS"].split(",")) >= {"localhost", "127.0.0.1", "[::1]", "ganymede"}
    assert "GANYMEDE_ALLOW_ANONYMOUS" not in of_api  # every pod of a cluster could ask: keys are needed
    host, _, port = of_both["GANYMEDE_REDIS_URL"].removeprefix("redis://").partition("/")[0].partition(":")
    assert BASE["Service", host]["spec"]["ports"][0]["port"] == int(port)
    assert Settings.model_validate({"host": of_api["GANYMEDE_HOST"], "port": of_api["GANYMEDE_PORT"]}).port == 8000


@pytest.mark.parametrize("name", OURS)
def test_keys_come_from_a_secret_that_is_nowhere_in_these_files(name: str) -> None:
    pod = OURS[name]
    path = Path(variables("ganymede-settings")["GANYMEDE_API_KEYS_FILE"])

    (mount,) = (each for each in container(pod)["volumeMounts"] if each["name"] == "keys")
    (volume,) = (each for each in pod["volumes"] if each["name"] == "keys")
    assert (Path(mount["mountPath"]), mount["readOnly"], path.name) == (path.parent, True, "api-keys.json")
    assert volume["secret"]["secretName"] == "ganymede-keys"
    assert [kind for kind, _ in BASE if kind == "Secret"] == []


@pytest.mark.parametrize("name", [*PODS, "training-group"])
def test_a_pod_has_no_power_over_its_node_and_says_what_it_needs(name: str) -> None:
    pod = {**PODS, **OURS}[name]

    own = container(pod)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert {"cpu", "memory"} <= own["resources"]["requests"].keys()
    assert "memory" in own["resources"]["limits"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert not any("hostPath" in volume for volume in pod.get("volumes", []))


def test_the_api_is_scaled_and_never_all_away_and_everything_else_is_shut() -> None:
    scaler, budget = BASE["HorizontalPodAutoscaler", "api"]["spec"], BASE["PodDisruptionBudget", "api"]["spec"]
    labels = BASE["Deployment", "api"]["spec"]["template"]["metadata"]["labels"]
    shut = BASE["NetworkPolicy", "nothing-else"]["spec"]

    assert (scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"]) == ("Deployment", "api")
    assert scaler["minReplicas"] > budget["minAvailable"] >= 1
    assert "replicas" not in BASE["Deployment", "api"]["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    assert (shut["policyTypes"], "ingress" in shut, "egress" in shut) == (["Ingress", "Egress"], False, False)
    (asking,) = BASE["NetworkPolicy", "valkey"]["spec"]["ingress"][0]["from"]
    assert asking["podSelector"]["matchExpressions"][0]["values"] == ["api", "worker"]


def test_a_group_is_open_to_itself_alone() -> None:
    (job,) = GROUP["spec"]["replicatedJobs"]
    labels = job["template"]["spec"]["template"]["metadata"]["labels"]
    policy = OF_GROUP["NetworkPolicy", "training-group"]["spec"]

    own = policy["podSelector"]
    assert own["matchLabels"].items() <= labels.items()
    assert policy["ingress"] == [{"from": [{"podSelector": own}]}]
    assert policy["egress"] == [{"to": [{"podSelector": own}]}]
    others = [BASE[kind, name] for kind, name in BASE if kind in ("Deployment", "StatefulSet")]
    assert not any(
        own["matchLabels"].items() <= each["spec"]["template"]["metadata"]["labels"].items() for each in others
    )


def test_the_numbers_of_the_page_are_those_that_were_measured() -> None:
    page, measured = ((FOLDER.parents[1] / "docs" / name).read_text() for name in ("scaling.md", "benchmarks.md"))

    for number in ("3,542", "7,904", "9,208", "418"):
        assert number in page
        assert f"| {number} |" in measured
    assert f'status="{Status.QUEUED}"' in page
