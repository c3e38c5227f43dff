#!/bin/sh
# From nothing to a report: installs the project, draws a sample gallery, embeds it once, compares all heads.
# Needs Python 3.11 or newer. Everything it makes lies in demo/ and .venv/; a second call reuses all of it.
set -eu
cd "$(dirname "$0")/.."
. scripts/environment.sh
install_into_environment ".[serve]"
PATH="$PWD/$VENV/bin:$PATH"

mkdir -p demo
cd demo
weights=imagenet-v1
featurize weights --weights $weights 2>weights.log || {
    echo "The ImageNet weights can't be downloaded from here, so the demo goes on with an untrained backbone."
    weights=random
}
featurize sample gallery
featurize prepare gallery --split random
featurize run --weights $weights
# folds for new and for known painters take minutes with all heads: --folds 0 leaves them out
classify compare --key resnet50 --folds 0 --heads logreg,softmax,mlp,linear-svm,svm,ridge,lda,knn,prototype --out reports/demo
echo "Open demo/reports/demo/index.html in a browser."
