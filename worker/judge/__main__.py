"""Judges drawn digits: python -m worker.judge FILE.npy ... Does not know who drew them.

Each file holds uint8 pictures (N, 28, 28, 1). Counted over all files, picture i was asked to show the digit i mod 10.
Prints the judgement as JSON. Shape suffixes: N images, H height, W width, C channels.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from worker.judge.judgement import judge
from worker.judge.network import CLASSES


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Judge drawn digits.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="pictures as .npy, of labels 0, 1, 2 ...")
    files = parser.parse_args(arguments).files
    images_NHWC = np.concatenate([np.load(file, allow_pickle=False) for file in files])
    judgement = judge(images_NHWC, np.arange(len(images_NHWC)) % CLASSES)
    sys.stdout.write(json.dumps(asdict(judgement)) + "\n")


if __name__ == "__main__":
    main()
