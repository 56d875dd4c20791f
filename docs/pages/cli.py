"""docs/cli.md: every command with its arguments and options."""

from typing import Any

import typer.main

from ganymede.cli import app

RUN = "RUN"  # explained once, at the top of the page
CLI_PAGE_BEGINS = """# The command line

`ganymede VERB` and `ganymede NOUN VERB`; `--help` after any of them says the same as this page. Made by
`python docs/generate.py` from the command itself.

Data goes to stdout; progress, messages and errors go to stderr. On a terminal there are tables and a progress bar; in a
pipe columns are separated by tabs, nothing is wrapped or coloured, and progress is a line every few seconds. `NO_COLOR`
is respected. An error is one block: title, field, what is allowed there; with `--json` it is the problem document.

| status | means |
|---|---|
| 0 | done; of a run that was watched: it succeeded |
| 1 | refused, or the run failed or was canceled |
| 2 | the command line is wrong |
| 3 | the service cannot be reached |
| 130 | Ctrl-C. A run that was watched goes on; 130 keeps `ganymede train ... && next` from going on without it |

A file is written whole or not at all: `-o FILE` replaces a file that is there and keeps its mode and owner. Links are
followed; a device, a FIFO and a file with several names are written into. `-` is stdout; a terminal gets no binary
data. A folder, an empty name, a file that may not be written and a stdout that is closed are errors.

`ganymede train` without `--detach` shows a progress bar until the run ends; Ctrl-C leaves the run alone.

A terminal is shown the pictures, too: what `generate`, `complete`, `morph`, `datasets preview` and `-o` of `runs
samples`, `runs nearest` and `runs timeline` saved (the first of what moves), and what a run that was watched draws at
its end. kitty, Ghostty, iTerm2 and WezTerm show the very pixels; other terminals with colours show half blocks, which
takes Pillow. The variable `GANYMEDE_PICTURES` says `kitty`, `iterm2` or `blocks` where the terminal was taken for
another, and `none` where nobody wants them. With `--json` or `--quiet`, and where stderr is no terminal, none are
shown.

`ganymede --install-completion` lets bash, zsh or fish, whichever it is called from, complete verbs and options, and
what the service has: ids of runs, names of models and datasets, versions where one is asked for. `ganymede
--show-completion` prints what that would install.

```sh
ganymede doctor
ganymede generate --seed 42 --label 7 --metadata -o seven.png
ganymede generate --model digits@1 -n 64 -o sheet.png --curl
ganymede train mnist-10k --model mine --dry-run
ganymede train cgan mnist-10k --model mine --steps 200 --detach
ganymede models show digits
```

RUN is the id of a run, its beginning or end if no other run has it, or `@last`, the newest. The service's address is
`--url`, else the variable `GANYMEDE_URL`, else port `GANYMEDE_PORT` of this machine, else port 8000 of it.

A service that has keys is shown the one in the variable `GANYMEDE_API_KEY`. `ganymede keys` needs no service and no
key: it works on the file of keys of `GANYMEDE_HOME`, on the machine of the service.

Another machine is asked through the proxy that `HTTP_PROXY`, `HTTPS_PROXY` or `ALL_PROXY` names, but for the hosts in
`NO_PROXY`; a SOCKS proxy needs the package `socksio`. `SSL_CERT_FILE` or `SSL_CERT_DIR` names the authorities whose
certificates are trusted. What of these cannot be used is one line that names the variable (status 3).

## Options of every command that asks the service

{shared}
"""


def cli_page() -> str:
    root: Any = typer.main.get_command(app)  # Typer's classes of commands are not public
    named = dict(_commands(root, "ganymede"))
    shared = [each for each in named["ganymede runs ls"].params if each.rich_help_panel == "Service"]
    names = {each.name for each in shared}
    parts = [CLI_PAGE_BEGINS.format(shared=_rows(shared))]
    for name, command in named.items():
        own = [each for each in command.params if each.name not in names and each.metavar != RUN and not each.hidden]
        usage = " ".join([name, *map(_placeholder, (p for p in command.params if p.param_type_name == "argument"))])
        parts += [f"## {usage}\n", f"{command.help}\n", *([_rows(own) + "\n"] if own else [])]
    return "\n".join(parts)


def _commands(command: Any, name: str) -> list[tuple[str, Any]]:
    """Names and commands, in the order of `--help`."""
    if not hasattr(command, "commands"):
        return [(name, command)]
    return [pair for word, each in command.commands.items() for pair in _commands(each, f"{name} {word}")]


def _placeholder(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _rows(parameters: list[Any]) -> str:
    rows = ["| option | default | meaning |", "|---|---|---|"]
    for each in parameters:
        is_argument = each.param_type_name == "argument"
        value = "" if is_argument or getattr(each, "is_flag", False) else f" {each.metavar or each.name.upper()}"
        name = _placeholder(each) if is_argument else ", ".join(each.opts) + value
        default = "" if each.default in (None, False) else f"`{each.default}`"
        rows.append(f"| `{name}` | {'required' if each.required else default} | {each.help} |")
    return "\n".join(rows)
