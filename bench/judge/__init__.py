"""The judge of the bundled digits: label accuracy and Frechet distance. Knows nothing of generators."""

from bench.judge.frechet import frechet_distance
from bench.judge.judgement import Judgement, judge, load_judge

__all__ = ["Judgement", "frechet_distance", "judge", "load_judge"]
