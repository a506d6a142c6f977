"""Scores the detectors against the labels of generated histories."""
