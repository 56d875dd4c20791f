"""`ganymede train`: what it asks for, and what it says of the run that it started."""

from typing import Any

from ganymede import Client
from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import RUN, Answer, Contract, problem, run_body


def test_where_a_run_starts_and_what_it_publishes_at_the_end_are_options(
    contract: Contract, ganymede: Ganymede
) -> None:
    contract.on("POST", "/train", problem(422, "invalid_request", "no", errors=[]))

    ganymede("train", "cgan", "shapes", "--init", "run:abc@5", "--publish-final", "last", "--publish-every", "10")

    assert contract.seen[-1].json == {
        "recipe": "cgan",
        "dataset": "shapes",
        "init": "run:abc@5",
        "publish": {"every_steps": 10, "final": "last"},
    }


def test_who_is_told_of_a_run_is_an_option(contract: Contract, ganymede: Ganymede) -> None:
    contract.on("POST", "/train", problem(422, "invalid_request", "no", errors=[]))
    url = "https://hooks.example/"

    ganymede("train", "shapes", "--webhook", url, "--webhook-secret", "mine")

    assert contract.seen[-1].json == {"dataset": "shapes", "webhook": {"url": url, "secret": "mine"}}


def test_one_name_alone_is_that_of_the_dataset(contract: Contract, ganymede: Ganymede) -> None:
    why: dict[str, Any] = {"recipe": "sngan", "recipe_reason": "few \x1b[2J images: it is steady"}
    contract.on("POST", "/train", Answer(run_body(status="queued", **why), 202))
    contract.on("GET", f"/train/{RUN}", Answer(run_body(**why)))

    done = ganymede("train", "shapes", "--detach")
    ganymede("train", "cgan", "shapes", "--detach")
    ganymede("train", "auto", "shapes", "--detach")
    shown = ganymede("runs", "show", RUN)

    assert (done.exit_code, done.stdout) == (0, f"{RUN} queued\n")
    assert "it trains sngan: few  [2J images: it is steady\n" in done.stderr
    bodies = [request.json for request in contract.asked("/train")]
    assert bodies == [{"dataset": "shapes"}, *({"recipe": each, "dataset": "shapes"} for each in ("cgan", "auto"))]
    assert "chosen\tfew  [2J images: it is steady\n" in shown.stdout


def test_the_client_takes_the_recipe_as_the_command_does(contract: Contract) -> None:
    contract.on("POST", "/train", Answer(run_body(), 202))

    with Client(contract.url) as client:
        client.train("shapes")
        client.train(dataset="shapes")
        client.train("cgan", "shapes")
        run = client.train(recipe="cgan", dataset="shapes")

    left_out, named = {"dataset": "shapes"}, {"recipe": "cgan", "dataset": "shapes"}
    assert [request.json for request in contract.seen] == [left_out, left_out, named, named]
    assert run.recipe_reason is None
