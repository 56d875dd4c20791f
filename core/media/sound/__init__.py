"""Sounds as pictures, and back. Knows no dataset and no network."""

from core.media.sound.spectrogram import LOG_MEL

__all__ = ["LOG_MEL"]
