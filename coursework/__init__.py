"""The assignments: psN/ holds each of them, `hints` says in their notebooks what is likely wrong.

The instructor's repository also has the questions (psN/questions.py) and the grader here; the student edition hasn't.
"""
