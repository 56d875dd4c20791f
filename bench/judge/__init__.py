"""The judge of the bundled digits: label accuracy and Frechet distance. Knows nothing of generators."""

from bench.judge.examination import Judgement
from bench.judge.judgement import judge, load_judge

__all__ = ["Judgement", "judge", "load_judge"]
