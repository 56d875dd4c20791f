"""`python -m bench.applications NAME ...`: one measurement. Knows none of them.

python -m bench.applications speech var/store spoken-digits@1
python -m bench.applications ssgan --labels 100 --seed 0 --mnist FOLDER
python -m bench.applications completion --mnist FOLDER
python -m bench.applications load
"""

import sys
from collections.abc import Callable

from bench.applications import completion, load, speech, ssgan

MEASUREMENTS: dict[str, Callable[[list[str]], None]] = {
    "completion": completion.main,
    "load": load.main,
    "speech": speech.main,
    "ssgan": ssgan.main,
}


def main(arguments: list[str]) -> None:
    if not arguments or arguments[0] not in MEASUREMENTS:
        sys.exit(f"which one? {', '.join(MEASUREMENTS)}")
    MEASUREMENTS[arguments[0]](arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
