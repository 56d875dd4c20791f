"""Who made it: runs, datasets and models name the key, and no other key changes them without `admin`."""

import asyncio

import httpx
import pytest

from app.http.routing import KeyedRoute
from app.main import PARTS
from core.datasets import Dataset, DatasetStore, ImageSet, Origin
from core.keys import Asker, KeysFile, KeyWanted
from core.keys.errors import ScopeMissing
from core.registry import PublishKey, Registry
from core.settings import Settings
from core.store import Store
from ganymede.schemas.keys import KeyRef, KeyScope
from tests.manifests import write_manifest
from tests.uploads import class_folders

ALL_BUT_ADMIN = tuple(scope for scope in KeyScope if scope is not KeyScope.ADMIN)
CHANGING = {"POST", "PUT", "PATCH", "DELETE"}
# Routes that change nothing that somebody made, or name it in their body: the tests below ask those.
NAMES_NOTHING = {
    *("POST /generate", "POST /generate/morph", "POST /complete", "POST /classify", "POST /inspect"),
    *("POST /session", "DELETE /session", "POST /webhooks/test", "POST /webhooks/secrets"),
    *("POST /train", "POST /train/validate", "POST /datasets"),
}
BODIES = {"PATCH": {"name": "x"}, "PUT": {"version": 1}}


class Keyed:
    """A key, and a client that shows it."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient, name: str, *scopes: KeyScope) -> None:
        made = KeysFile(settings.keys_path).create(KeyWanted(name=name, scopes=scopes or ALL_BUT_ADMIN))
        self.ref, self.client = made.key.ref, client
        self.headers = {"Authorization": f"Bearer {made.text.get_secret_value()}"}

    async def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        return await self.client.request(method, path, json=body, headers=self.headers)

    async def send(self, name: str) -> httpx.Response:
        """Import a dataset of two pictures."""
        files = {"file": ("pets.zip", class_folders(2))}
        return await self.client.post("/datasets", data={"name": name}, files=files, headers=self.headers)


@pytest.fixture
def ann(settings: Settings, client: httpx.AsyncClient) -> Keyed:
    return Keyed(settings, client, "ann")


@pytest.fixture
def bob(settings: Settings, client: httpx.AsyncClient) -> Keyed:
    return Keyed(settings, client, "bob")


@pytest.fixture
def admin(settings: Settings, client: httpx.AsyncClient) -> Keyed:
    return Keyed(settings, client, "root", KeyScope.ADMIN)


def publish(registry: Registry, name: str, by: KeyRef | None, step: int = 1) -> int:
    key = PublishKey("run_00000000000000000000", 0, step)
    return registry.publish(name, key, lambda folder: write_manifest(folder, key), asker=Asker(key=by))[0]


@pytest.fixture
async def hers(ann: Keyed, registry: Registry, shapes: Dataset) -> dict[str, str]:
    """What ann made, by the parameter of an address that names it."""
    publish(registry, "faces", ann.ref)
    assert (await ann.send("pets")).status_code == 201
    run = await ann.ask("POST", "/train", {"recipe": "cgan", "dataset": "shapes", "model": "faces"})
    assert run.status_code == 202, run.text
    assert (await ann.ask("POST", "/webhooks/secrets", {"name": "hers"})).status_code == 201
    named = {"run_id": run.json()["id"], "model": "faces", "dataset": "pets", "secret": "hers"}
    return {**named, "version": "1", "alias": "a", "step": "1"}


def changing_routes() -> list[str]:
    routes = [route for part in PARTS for route in part.router.routes if isinstance(route, KeyedRoute)]
    return [f"{method} {route.path}" for route in routes for method in CHANGING & (route.methods or set())]


async def test_no_route_changes_what_another_key_made(hers: dict[str, str], bob: Keyed, registry: Registry) -> None:
    asked = [route for route in changing_routes() if route not in NAMES_NOTHING]
    assert len(asked) >= 12  # a route that is new is asked, too: it names what it changes, or stands in NAMES_NOTHING
    for route in asked:
        method, path = route.split()
        assert "{" in path, route

        answer = await bob.ask(method, path.format(**hers), BODIES.get(method))

        assert answer.status_code == 403, (route, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["code"], problem["scope"]) == ("scope_missing", "admin")
        assert "was made by another key, ann (gnm_" in problem["detail"]
    assert registry.versions("faces") == [1]
    assert (await bob.ask("GET", f"/train/{hers['run_id']}")).json()["status"] == "queued"


async def test_what_a_body_names_is_guarded_as_well(hers: dict[str, str], bob: Keyed, registry: Registry) -> None:
    body = {"recipe": "cgan", "dataset": "shapes", "model": "faces"}
    theirs = await bob.ask("POST", "/train", {**body, "model": "mine"})
    publish_it = f"/train/{theirs.json()['id']}/checkpoints/latest/publish"

    refused = [
        await bob.ask("POST", "/train", body),
        await bob.ask("POST", "/train/validate?estimate=false", body),
        await bob.send("pets"),
    ]

    assert theirs.status_code == 202
    assert [(each.status_code, each.json()["scope"]) for each in refused] == [(403, "admin")] * 3
    assert (await bob.ask("POST", publish_it, {"model": "faces"})).status_code == 404  # it has no checkpoint yet
    assert len((await bob.ask("GET", "/train")).json()["data"]) == 2


async def test_its_maker_and_an_admin_may_and_it_says_who_made_it(
    hers: dict[str, str], ann: Keyed, admin: Keyed, settings: Settings, registry: Registry
) -> None:
    run = f"/train/{hers['run_id']}"
    registry.move_alias("faces", "mine", 1)
    me = {"id": ann.ref.id, "name": "ann"}
    told = [await admin.ask("GET", path) for path in (run, "/models/faces", "/datasets/pets")]
    listed = [(await ann.ask("GET", path)).json()["data"] for path in ("/train", "/datasets")]

    done = [
        await ann.ask("PATCH", run, {"name": "x"}),
        await ann.ask("DELETE", "/models/faces/aliases/mine"),
        await ann.ask("POST", f"{run}/cancel"),
        await admin.ask("POST", f"{run}/retry"),
        await admin.ask("DELETE", "/datasets/pets"),
        await admin.ask("DELETE", "/models/faces"),
    ]

    assert [each.json()["made_by"] for each in told] == [me] * 3
    assert [each["made_by"] for rows in listed for each in rows if each["made_by"]] == [me] * 2
    assert [each.status_code for each in done] == [200, 204, 200, 200, 204, 204]
    kept = b"".join(each.read_bytes() for each in settings.store_path.rglob("*.json"))
    assert ann.headers["Authorization"][-64:].encode() not in kept  # the name and the public part, never the key


async def test_what_no_key_made_is_anyones_as_before(bob: Keyed, shapes: Dataset, settings: Settings) -> None:
    moved = await bob.ask("PUT", "/models/tiny/aliases/a", {"version": 1})
    trained = await bob.ask("POST", "/train", {"recipe": "cgan", "dataset": "shapes", "model": "tiny"})
    told = [(await bob.ask("GET", path)).json() for path in ("/models/tiny", "/datasets/shapes")]

    assert (moved.status_code, trained.status_code) == (201, 202)
    assert [each["made_by"] for each in told] == [None, None]
    assert "made_by" not in (settings.store_path / "models" / "tiny" / "aliases.json").read_text()
    assert "made_by" not in (settings.store_path / "datasets" / "shapes" / "current.json").read_text()


async def test_without_keys_everyone_may_and_nothing_says_who(
    client: httpx.AsyncClient, shapes: Dataset, settings: Settings
) -> None:
    made = await client.post("/train", json={"recipe": "cgan", "dataset": "shapes"})
    canceled = await client.post(f"/train/{made.json()['id']}/cancel")

    assert (made.json()["made_by"], canceled.status_code) == (None, 200)
    spec = settings.store_path / "runs" / made.json()["id"] / "spec.json"
    assert "made_by" not in spec.read_text()


async def test_a_deleted_name_is_free_and_a_later_version_changes_no_maker(
    ann: Keyed, bob: Keyed, admin: Keyed, registry: Registry
) -> None:
    publish(registry, "faces", ann.ref)
    registry.publish("faces", PublishKey("run_00000000000000000000", 0, 2), lambda _: None, asker=Asker(key=admin.ref))
    assert registry.made_by("faces") == ann.ref

    assert (await ann.ask("DELETE", "/models/faces")).status_code == 204
    publish(registry, "faces", bob.ref, step=3)

    assert registry.made_by("faces") == bob.ref
    assert registry.versions("faces") == [3]


async def test_the_same_idempotency_key_of_two_keys_is_two_requests(ann: Keyed, bob: Keyed, shapes: Dataset) -> None:
    body = {"recipe": "cgan", "dataset": "shapes"}
    for each in (ann, bob):
        each.headers["Idempotency-Key"] = "1"

    asked = [(each, {**body, "model": each.ref.name}) for each in (ann, bob, ann)]
    first, other, again = [await each.ask("POST", "/train", own) for each, own in asked]

    assert first.json()["id"] == again.json()["id"] != other.json()["id"]
    assert [each.json()["made_by"]["name"] for each in (first, other)] == ["ann", "bob"]


def test_who_comes_second_with_a_new_name_is_refused_where_it_is_kept(
    registry: Registry, store: Store, shapes: Dataset
) -> None:
    """Two uploads of one name that run at once: both were let in while the name was free."""
    ann, bob = (KeyRef(id=f"gnm_{digit * 12}", name=digit) for digit in "ab")
    publish(registry, "faces", ann)
    second = Asker(key=bob, is_admin=False)
    datasets, content = DatasetStore(store), ImageSet(shapes.images(), None, ())
    datasets.put("pets", content, Origin("a test"), asker=Asker(key=ann))

    with pytest.raises(ScopeMissing, match="made by another key, a"):
        registry.publish("faces", PublishKey("run_00000000000000000000", 0, 2), lambda _: None, asker=second)
    with pytest.raises(ScopeMissing, match="made by another key, a"):
        datasets.put("pets", content, Origin("a test"), asker=second)

    assert (registry.versions("faces"), datasets.made_by("pets")) == ([1], ann)


async def test_a_run_that_has_not_ended_holds_the_name_of_its_new_model(
    ann: Keyed, bob: Keyed, admin: Keyed, shapes: Dataset
) -> None:
    body = {"recipe": "cgan", "dataset": "shapes", "model": "faces"}

    answers = await asyncio.gather(*(each.ask("POST", "/train", body) for each in (ann, bob)))

    assert sorted(each.status_code for each in answers) == [202, 403]
    first, second = (ann, bob) if answers[0].status_code == 202 else (bob, ann)
    run, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert (refused.json()["code"], refused.json()["scope"]) == ("scope_missing", "admin")
    assert f"{run.json()['id']} of another key, {first.ref.name} ({first.ref.id})" in refused.json()["detail"]
    assert (await second.ask("POST", "/train/validate?estimate=false", body)).status_code == 403
    assert (await first.ask("POST", "/train", body)).status_code == 202
    assert (await admin.ask("POST", "/train", body)).status_code == 202
    assert (await second.ask("POST", "/train", {**body, "model": "mine"})).status_code == 202


async def test_a_run_holds_the_name_of_its_classifier_as_well(
    ann: Keyed, bob: Keyed, admin: Keyed, shapes: Dataset
) -> None:
    body = {"recipe": "acgan", "dataset": "shapes", "model": "faces", "publish": {"classifier": "reader"}}
    run = (await ann.ask("POST", "/train", body)).json()["id"]
    as_classifier = {**body, "model": "mine"}

    refused = [
        await bob.ask("POST", "/train", {"recipe": "ssgan", "dataset": "shapes", "model": "reader"}),
        await bob.ask("POST", "/train", as_classifier),
        await bob.ask("POST", "/train/validate?estimate=false", as_classifier),
    ]
    listed = (await ann.ask("GET", "/train?model=reader")).json()["data"]

    assert [(each.status_code, each.json()["code"]) for each in refused] == [(403, "scope_missing")] * 3
    assert all(f"{run} of another key" in each.json()["detail"] for each in refused)
    assert [each["id"] for each in listed] == [run]
    assert (await admin.ask("POST", "/train", as_classifier)).status_code == 202
    assert (await ann.ask("POST", f"/train/{run}/cancel")).status_code == 200


async def test_a_name_is_free_when_the_run_that_held_it_has_ended_and_its_retry_asks_again(
    ann: Keyed, bob: Keyed, admin: Keyed, shapes: Dataset
) -> None:
    body = {"recipe": "cgan", "dataset": "shapes", "model": "faces"}
    hers = f"/train/{(await ann.ask('POST', '/train', body)).json()['id']}"
    assert (await ann.ask("POST", f"{hers}/pause")).status_code == 200
    assert (await bob.ask("POST", "/train", body)).status_code == 403  # it will go on
    assert (await ann.ask("POST", f"{hers}/resume")).status_code == 200
    assert (await ann.ask("POST", f"{hers}/cancel")).status_code == 200

    taken = await bob.ask("POST", "/train", body)
    retried = [await each.ask("POST", f"{hers}/retry") for each in (ann, admin)]

    assert [taken.status_code, *(each.status_code for each in retried)] == [202, 403, 200]
    assert taken.json()["id"] in retried[0].json()["detail"]


async def test_a_dataset_whose_maker_cannot_be_read_is_changed_by_admins_alone(
    ann: Keyed, bob: Keyed, admin: Keyed, settings: Settings
) -> None:
    assert (await ann.send("pets")).status_code == 201
    (settings.store_path / "datasets" / "pets" / "current.json").write_text("{")

    refused = [await each.send("pets") for each in (ann, bob)] + [await bob.ask("DELETE", "/datasets/pets")]
    repaired = await admin.send("pets")

    assert [(each.status_code, each.json()["code"]) for each in refused] == [(403, "scope_missing")] * 3
    assert "current.json" in refused[0].json()["detail"]
    assert repaired.status_code in (200, 201)
    assert (await bob.ask("DELETE", "/datasets/pets")).status_code == 403
    assert (await admin.ask("DELETE", "/datasets/pets")).status_code == 204
