"""What lessons show: each lesson's figures and explorers, in a module of its own, lesson_NN.

A scene takes the arrays that its lesson has computed, and draws them. The mathematics stays in the lesson.
"""
