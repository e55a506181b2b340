"""Assignment 6 asks for no function; what it collects is tried in test_evidence."""

WRONG: list = []
RIGHT: list = []
