"""What each kind of head does, in a line for people who know no machine learning."""

from __future__ import annotations

LINES = {
    "simpleshot": "names the class whose average picture is most alike; it has nothing to set",
    "prototype": "names the class whose average picture is nearest; it has nothing to set",
    "knn": "names the class of the most similar pictures that it has learned from",
    "ridge": "weighs what the network sees, with one sum for each class; very fast",
    "lda": "takes each class for a cloud of pictures and names the likeliest; strong with few pictures",
    "logreg": "weighs what the network sees, with one sum for each class; the usual first choice",
    "linear-svm": "draws straight borders between the classes, as far as it can from the pictures next to them",
    "svm": "draws curved borders between the classes; it can remember single painters",
    "softmax": "the last layer of a network, trained anew in small steps",
    "mlp": "a small network of its own on what the large one sees; it differs a little from training to training",
    "ensemble": "takes the mean of several heads' answers",
    "zero-shot": "compares the picture with the name of each class; it has learned from none of your pictures",
    "tip-adapter": "compares the picture with the name of each class and with the pictures that it has learned from",
    "finetuned": "the network itself was trained on, with its last layers",
}


def plainly(kind: str, name: str) -> str:
    """What a head does, for the middle of a sentence.

    Parameters
    ----------
    kind : str
        Its kind, as in `HEADS`.
    name : str
        Its name in the comparison; that of a fine-tuned network begins with "finetuned".
    """
    return LINES["finetuned" if name.startswith("finetuned ") else kind]
