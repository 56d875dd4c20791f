"""A model has versions for one task: a run that would publish others under its name is refused."""

import httpx

from app.main import create_app
from core.datasets import Dataset
from core.settings import Settings
from core.store import Store
from models.sizes import UNetConfig
from tests.fixtures import PublishTiny, Serve
from tests.sounds import tones

SIZES = UNetConfig(image_size=8, channels=1, latent_dim=4, width=16, num_classes=3)
AT_ONCE = {"estimate": "false"}


async def test_a_run_may_not_publish_for_another_task_under_the_name_of_a_model(
    settings: Settings, shapes: Dataset, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny("drawing")
    publish_tiny("mending", config=SIZES)

    async with serve(create_app(settings)) as api:

        async def ask(recipe: str, model: str, path: str = "/train/validate") -> httpx.Response:
            params = AT_ONCE if path.endswith("validate") else {}
            return await api.post(path, params=params, json={"recipe": recipe, "dataset": "shapes", "model": model})

        fitting = [await ask("cgan", "drawing"), await ask("completion", "mending"), await ask("completion", "new")]
        checked, refused, other = (
            await ask("completion", "drawing"),
            await ask("completion", "drawing", "/train"),
            await ask("cgan", "mending", "/train"),
        )

    assert [answer.status_code for answer in fitting] == [200] * 3
    for answer in (checked, refused, other):
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/model")
    assert "'drawing' has versions for generation, and completion makes such for completion" in refused.text
    assert "'mending' has versions for completion, and cgan makes such for generation" in other.text


async def test_a_run_may_not_publish_sounds_under_the_name_of_a_model_of_pictures(
    settings: Settings, store: Store, publish_tiny: PublishTiny, serve: Serve
) -> None:
    publish_tiny("drawing")
    tones(store)

    async with serve(create_app(settings)) as api:
        body = {"recipe": "cgan", "dataset": "tones", "config": {"batch_size": 8}}
        refused = await api.post("/train", json={**body, "model": "drawing"})
        taken = await api.post("/train/validate", params=AT_ONCE, json={**body, "model": "speaking"})

    assert (refused.status_code, refused.json()["errors"][0]["pointer"], taken.status_code) == (422, "/model", 200)
    assert "'drawing' has versions of image, and this run makes such of audio" in refused.text
