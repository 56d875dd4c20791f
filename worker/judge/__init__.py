"""The judge of the bundled digits: label accuracy and Frechet distance. Knows no generator and no service.

`ganymede demo` asks it; bench.judge compares with it. It has learnt from digits that the bundled ones do not hold
(bench/judge/train.py).
"""
