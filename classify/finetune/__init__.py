"""Fine-tuning: the last layers of a backbone are trained on a label, together with a linear head.

`settings` says what is asked for, `scope` which layers that means, `network` puts the two halves together, `inputs`
feeds them, `training` is the loop, `checkpoint` makes it survive, `learner` chooses the epoch, `run` is the way from a
dataset table to a run's folder, and `result` is what lies there.
"""
