#!/bin/sh
# From nothing to a report: installs the project, draws a sample gallery, embeds it once, compares all heads.
# Needs Python 3.11 or newer. Everything it makes lies in demo/ and .venv/; a second call reuses all of it.
set -eu
cd "$(dirname "$0")/.."
. scripts/environment.sh
install_into_environment .
PATH="$PWD/$VENV/bin:$PATH"

mkdir -p demo
cd demo
featurize sample gallery
featurize prepare gallery --split random
if ! featurize run --backbone "${BACKBONE:-resnet50}" --weights "${WEIGHTS:-imagenet-v1}" 2>run.log; then
    grep -q "can't be downloaded" run.log || { cat run.log >&2; exit 1; }
    echo "The ImageNet weights can't be downloaded from here, so the demo goes on with an untrained backbone."
    WEIGHTS=random
    featurize run --backbone "${BACKBONE:-resnet50}" --weights random
fi
classify compare --key "${BACKBONE:-resnet50}" --heads "${HEADS:-logreg,softmax,mlp,linear-svm,svm,ridge,lda,knn,prototype}" --out reports/demo
