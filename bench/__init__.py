"""Measurements beside a floor, in one run: ours, floor and ratio, to the screen and var/bench."""
