"""The commands that ask a service: what goes to stdout, what to stderr, and which status they end with."""

import json

import pytest
from typer.testing import CliRunner

from ganymede.cli import app
from tests.ganymede.conftest import Ganymede
from tests.ganymede.contract import RUN, Answer, Contract, page, problem, run_body

OTHER = "run_0192f1c7a4e1ffffffff"


@pytest.fixture
def two_runs(contract: Contract) -> Contract:
    named = run_body(OTHER, "succeeded", 10, name="a\tb\x1b[31m\n[red]c[/]")
    contract.on("GET", "/train", page(run_body(), named))
    for run in (RUN, OTHER):
        contract.on("GET", f"/train/{run}", Answer(run_body(run)))
        contract.on("POST", f"/train/{run}/cancel", Answer(run_body(run, "canceling")))
        contract.on("DELETE", f"/train/{run}", Answer(b"", 204))
    return contract


def test_a_list_in_a_pipe_is_one_line_a_row_with_tabs_and_nothing_that_moves_a_cursor(
    two_runs: Contract, ganymede: Ganymede
) -> None:
    done = ganymede("runs", "ls")

    assert done.exit_code == 0
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        ["RUN", "STATUS", "RECIPE", "DATASET", "MODEL", "STEP", "LEFT", "NAME"],
        [RUN, "running", "cgan", "shapes", "mine", "0/10", "-", "-"],
        [OTHER, "succeeded", "cgan", "shapes", "mine", "10/10", "-", "a b [31m [red]c[/]"],
    ]
    assert done.stderr == ""


def test_json_is_what_the_service_said_and_quiet_is_ids(two_runs: Contract, ganymede: Ganymede) -> None:
    two_runs.on("GET", "/train", Answer('{"data": [],\n "next_cursor": null, "new": "é"}', headers={}))
    as_json = ganymede("runs", "ls", "--json")
    two_runs.on("GET", "/train", page(run_body(), run_body(OTHER)))
    quiet = ganymede("runs", "ls", "-q")

    assert as_json.stdout == '{"data": [],\n "next_cursor": null, "new": "é"}\n'
    assert quiet.stdout == f"{RUN}\n{OTHER}\n"


def test_filters_and_the_limit_are_asked_of_the_service(two_runs: Contract, ganymede: Ganymede) -> None:
    tags = ("--tag", "team=a", "--tag", "x=1=2")
    done = ganymede("runs", "ls", "--status", "running", "--status", "queued", *tags, "-m", "m", "--limit", "1")

    assert done.stdout.count("\n") == 2
    assert two_runs.seen[0].query == {
        "status": ["running", "queued"],
        "tag.team": ["a"],
        "tag.x": ["1=2"],
        "model": ["m"],
        "limit": ["1"],
    }


@pytest.mark.parametrize(
    ("name", "meant"),
    [(RUN, RUN), ("@last", RUN), (OTHER[:-6], OTHER), ("b2c3d4e5", RUN), ("0192f1c7a4e1f", OTHER), ("ffff", OTHER)],
)
def test_a_run_may_be_named_in_short(two_runs: Contract, ganymede: Ganymede, name: str, meant: str) -> None:
    done = ganymede("runs", "cancel", name)

    assert (done.exit_code, done.stdout) == (0, f"{meant} canceling\n")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("run_0192", f"'run_0192' may be any of 2 runs: {RUN}, {OTHER}"),
        ("abc", "begins or ends with 'abc'"),
        ("';x", "no"),
    ],
)
def test_a_short_name_that_is_not_one_run_is_refused(
    two_runs: Contract, ganymede: Ganymede, name: str, told: str
) -> None:
    done = ganymede("runs", "cancel", name)

    assert (done.exit_code, done.stdout) == (1, "")
    assert told in done.stderr
    assert two_runs.asked(f"/train/{RUN}/cancel") == []


def test_without_runs_there_is_no_last_one(contract: Contract, ganymede: Ganymede) -> None:
    contract.on("GET", "/train", page())

    done = ganymede("runs", "show", "@last")

    assert (done.exit_code, done.stderr) == (1, "ganymede: there is no run yet\n")


def test_a_run_is_shown_with_how_it_learns_and_what_was_done(contract: Contract, ganymede: Ganymede) -> None:
    found = {"verdict": "exploding", "summary": "gradients grow", "numbers": {}, "branch": 0, "step": 40}
    found |= {"since_step": 20, "action": "pause", "advice": [{"text": "a lower rate", "field": None, "value": None}]}
    stop = {"on": ["exploding"], "action": "pause"}
    contract.on("GET", f"/train/{RUN}", Answer(run_body(status="paused", diagnosis=found, stop=stop)))

    shown = ganymede("runs", "show", RUN).stdout.splitlines()

    assert "diagnosis\texploding (step 40, since step 20): gradients grow" in shown
    assert {"advice\ta lower rate", "done about it\tpause", "stop\tpause on exploding"} <= set(shown)


def test_a_run_is_shown_with_what_was_changed_and_why_it_ended(contract: Contract, ganymede: Ganymede) -> None:
    change = {"field": "penalty_weight", "before": None, "after": 0.125}
    place = {"verdict": "mode_collapse", "from_branch": 0, "from_step": 9, "branch": 1, "step": 4}
    remedies = [{"name": "regularise_discriminator", "why": "it helps", "changes": [change], **place}]
    early = {"verdict": "mode_collapse", "message": "it came back", "step": 8}
    body = run_body(status="succeeded", remedies=remedies, ended_early=early)
    contract.on("GET", f"/train/{RUN}", Answer(body))

    shown = ganymede("runs", "show", RUN).stdout.splitlines()

    went = "mode_collapse at step 9: back to step 4 (branch 1), and on with penalty_weight 0.125 (was none)"
    assert {"ended early\tit came back", f"remedy\t{went}"} <= set(shown)


def test_a_run_is_edited_and_what_is_left_out_stays(two_runs: Contract, ganymede: Ganymede) -> None:
    two_runs.on("PATCH", f"/train/{RUN}", Answer(run_body()))

    done = ganymede("runs", "edit", RUN, "--name", "good", "--notes", "", "--tag", "team=a", "--tag", "old=")
    empty = ganymede("runs", "edit", RUN)

    assert (done.exit_code, done.stdout) == (0, f"{RUN} running\n")
    assert [request.json for request in two_runs.seen] == [
        {"name": "good", "notes": None, "tags": {"team": "a", "old": None}}
    ]
    assert empty.exit_code == 2


def test_several_runs_are_deleted_at_once(two_runs: Contract, ganymede: Ganymede) -> None:
    done = ganymede("runs", "rm", RUN, "ffff")

    assert (done.exit_code, done.stderr) == (0, f"deleted {RUN}\ndeleted {OTHER}\n")


def test_a_refusal_names_each_field_in_one_block(contract: Contract, ganymede: Ganymede) -> None:
    errors = [
        {"pointer": "/config/stepz", "detail": "this field does not exist"},
        {"pointer": "", "detail": "x\x1b[2J"},
    ]
    contract.on("POST", "/train", problem(422, "invalid_request", "both", errors=errors))

    done = ganymede("train", "cgan", "shapes", "--set", "stepz=3")
    as_json = ganymede("train", "cgan", "shapes", "--json")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "ganymede: Invalid request\n  /config/stepz: this field does not exist\n  x [2J\n"
    assert json.loads(as_json.stderr)["code"] == "invalid_request"


def test_what_a_run_cannot_become_is_said_with_what_it_can(contract: Contract, ganymede: Ganymede) -> None:
    refusal = problem(
        409, "illegal_transition", "a run that is paused cannot", current_status="paused", allowed=["queued"]
    )
    contract.on("POST", f"/train/{RUN}/retry", refusal)

    done = ganymede("runs", "retry", RUN)

    assert done.exit_code == 1
    assert done.stderr.splitlines()[1] == "  from here it may become: queued"


def test_a_service_that_is_away_has_a_status_of_its_own(ganymede: Ganymede) -> None:
    done = ganymede("runs", "ls", url="http://127.0.0.1:1")

    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith("ganymede: nothing answers at http://127.0.0.1:1 (")
    assert "--url" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train",), "DATASET"),
        (("train", "cgan", "shapes", "more"), "[RECIPE] DATASET"),
        (("train", "cgan", "shapes", "--set", "x"), "--set"),
        (("train", "cgan", "shapes", "--tag", "=x"), "--tag"),
        (("train", "cgan", "shapes", "--steps", "many"), "--steps"),
        (("generate",), "--output"),
        (("runs", "ls", "--limit", "0"), "--limit"),
        (("models", "rm", "digits"), "MODEL@VERSION"),
        (("models", "export", "UPPER", "-o", "x"), "MODEL"),
        (("models", "import", "m", "a.txt", "b.txt"), "PATH"),
    ],
)
def test_a_wrong_command_line_is_refused_before_anything_is_asked(
    contract: Contract, ganymede: Ganymede, words: tuple[str, ...], told: str
) -> None:
    done = ganymede(*words)

    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert contract.seen == []


def test_a_wrong_address_is_a_wrong_command_line(ganymede: Ganymede) -> None:
    done = ganymede("runs", "ls", url="ftp://x")

    assert done.exit_code == 2
    assert "ftp://x" in done.stderr


@pytest.mark.parametrize("variable", ["GANYMEDE_URL", "GANYMEDE_PORT"])
def test_the_address_may_stand_in_the_environment(contract: Contract, variable: str) -> None:
    contract.on("GET", "/models", page())
    value = contract.url if variable == "GANYMEDE_URL" else contract.url.rpartition(":")[2]

    done = CliRunner().invoke(app, ["models", "ls"], env={variable: value}, catch_exceptions=False)

    assert done.exit_code == 0, done.stderr


def test_arguments_that_are_no_text_are_refused(ganymede: Ganymede) -> None:
    done = ganymede("train", "cgan", "shapes", "--name", "\udcff")

    assert (done.exit_code, done.stderr) == (2, "ganymede: an argument is not valid text\n")
