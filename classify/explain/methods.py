"""The ways to explain a prediction, by the names that the command line takes."""

METHODS = ("auto", "cam", "gradcam", "occlusion")
