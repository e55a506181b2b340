"""The grader: a folder of submissions in, marks and hints out. `python -m coursework.grader --help`.

Nothing of a submission runs or is unpickled on the trusted side. `sandbox` executes it with the inputs alone, `plain`
brings its values back, `marking` holds them against the key.
"""
