"""How a run learns, and what its owner wants done about it, as the API takes and tells them."""

import httpx

from core.datasets import Dataset
from core.runs import RunStore
from core.store import Store
from ganymede.schemas.diagnosis import Advice, Change, Diagnosis, EarlyEnd, TakenRemedy, Verdict
from ganymede.schemas.states import Status

ASKED = {"recipe": "cgan", "dataset": "shapes"}


async def test_a_run_tells_how_it_learns_and_what_is_done_about_it(
    client: httpx.AsyncClient, shapes: Dataset, store: Store
) -> None:
    stop = {"on": ["mode_collapse"], "action": "pause"}
    run_id = (await client.post("/train", json={**ASKED, "stop": stop})).json()["id"]
    before = (await client.get(f"/train/{run_id}")).json()
    advice = Advice(text="try half of it", field="config.generator_lr", value=1e-4)
    found = Diagnosis(
        verdict=Verdict.MODE_COLLAPSE,
        summary="all pictures look alike",
        numbers={"diversity": 0.1},
        advice=(advice,),
        branch=0,
        step=20,
        since_step=10,
        action="pause",
    )
    RunStore(store).get(run_id).change(lambda now: now.model_copy(update={"diagnosis": found}))

    body = (await client.get(f"/train/{run_id}")).json()

    assert (before["diagnosis"], before["stop"]) == (None, {**stop, "patience": None})
    assert body["diagnosis"] == found.model_dump(mode="json")
    assert body["diagnosis"]["advice"] == [advice.model_dump()]


async def test_a_run_tells_what_was_changed_and_why_it_ended_early(
    client: httpx.AsyncClient, shapes: Dataset, store: Store
) -> None:
    run_id = (await client.post("/train", json=ASKED)).json()["id"]
    before = (await client.get(f"/train/{run_id}")).json()
    change = Change(field="augment", before="none", after="ada")
    place = {"from_branch": 0, "from_step": 30, "branch": 1, "step": 10}
    remedy = TakenRemedy(name="augment", why="it helps", changes=(change,), verdict=Verdict.MODE_COLLAPSE, **place)
    early = EarlyEnd(verdict=Verdict.MODE_COLLAPSE, message="it came back", step=40)
    run = RunStore(store).get(run_id)
    run.move(Status.RUNNING, remedies=[remedy], ended_early=early)
    at_work = (await client.get(f"/train/{run_id}")).json()
    run.move(Status.SUCCEEDED)

    body = (await client.get(f"/train/{run_id}")).json()

    assert before["stop"] == {"action": "remedy", "on": ["mode_collapse"], "patience": None}
    assert (before["remedies"], before["ended_early"]) == ([], None)
    assert body["remedies"] == at_work["remedies"] == [remedy.model_dump(mode="json")]
    assert (at_work["ended_early"], body["ended_early"]) == (None, early.model_dump(mode="json"))


async def test_a_stop_that_can_do_nothing_is_refused_at_its_field(client: httpx.AsyncClient, shapes: Dataset) -> None:
    nothing = await client.post("/train", json={**ASKED, "stop": {"action": "stop"}})
    unknown = await client.post("/train", json={**ASKED, "stop": {"on": ["bored"], "action": "stop"}})

    assert [error["pointer"] for error in nothing.json()["errors"]] == ["/stop/on"]
    assert nothing.json()["errors"][0]["detail"] == "stop on which verdicts? Say, mode_collapse"
    assert [error["pointer"] for error in unknown.json()["errors"]] == ["/stop/on/0"]
    assert "'mode_collapse'" in unknown.json()["errors"][0]["detail"]
