"""What the shells complete: verbs and options, and what the service has; by their own scripts where they are here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ganymede.cli import app
from tests.ganymede.conftest import environment

SHELLS = ("bash", "zsh", "fish")
GANYMEDE = Path(sys.executable).with_name("ganymede")  # as it is installed: the scripts name it
NOBODY = "http://127.0.0.1:9"


def ask(**asked: str) -> str:
    done = CliRunner().invoke(app, [], prog_name="ganymede", env=asked, catch_exceptions=False)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def completed(typed: str, url: str = NOBODY) -> list[str]:
    """What bash would offer for the last word of a line."""
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    return ask(_GANYMEDE_COMPLETE="complete_bash", GANYMEDE_URL=url, **words).split()


def script(shell: str) -> str:
    return ask(_GANYMEDE_COMPLETE=f"source_{shell}")


def test_verbs_options_and_what_the_service_has_are_offered(api: str) -> None:
    assert completed("ganymede runs pa", api) == ["pause"]
    assert "--seed" in completed("ganymede generate --se", api)
    assert completed("ganymede models show dig", api) == ["digits", "digits-complete"]
    assert completed("ganymede generate -m av", api) == ["avatars"]
    assert completed("ganymede train mni", api) == ["mnist-10k"]
    assert completed("ganymede datasets rm mni", api) == ["mnist-10k"]
    assert completed("ganymede models export av", api) == ["avatars"]


def test_versions_are_offered_once_one_model_alone_is_meant(api: str) -> None:
    assert completed("ganymede models rm ", api) == ["avatars", "digits", "digits-complete"]
    assert completed("ganymede models rm av", api) == ["avatars@1"]
    assert completed("ganymede models rm digits@", api) == ["digits@1"]
    assert completed("ganymede models rm digits@7", api) == []


def test_a_service_that_is_away_offers_nothing_and_says_nothing() -> None:
    assert completed("ganymede models show d") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_a_script_that_it_understands(shell: str, tmp_path: Path) -> None:
    text = script(shell)
    (tmp_path / "script").write_text(text)

    assert f"complete_{shell}" in text
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    checked = subprocess.run([shell, "-n", str(tmp_path / "script")], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_by_its_script(tmp_path: Path) -> None:
    (tmp_path / "script").write_text(script("bash"))
    typed = 'COMP_WORDS=(ganymede runs res); COMP_CWORD=2; _ganymede_completion ganymede; echo "${COMPREPLY[@]}"'

    done = subprocess.run(
        ["bash", "-c", f". ./script; {typed}"],
        cwd=tmp_path,
        env=environment() | {"PATH": f"{GANYMEDE.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.stdout.split() == ["resume"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_once_it_was_installed(tmp_path: Path) -> None:
    home = environment() | {"HOME": str(tmp_path), "PATH": f"{GANYMEDE.parent}{os.pathsep}{os.environ['PATH']}"}
    typed = 'COMP_WORDS=(ganymede models pro); COMP_CWORD=2; _ganymede_completion ganymede; echo "${COMPREPLY[@]}"'

    for line in ("ganymede --install-completion; echo", f". .bashrc; {typed}"):  # without echo bash would be replaced
        done = subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, env=home, capture_output=True, text=True, check=False, timeout=300
        )

    assert done.stdout.split() == ["promote"], done.stderr
