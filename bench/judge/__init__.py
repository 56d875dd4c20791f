"""Judges of pictures: what they say of a set, and of reals beside it. That of the digits is worker/judge."""
