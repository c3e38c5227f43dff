"""How heads are solved: optimisers, kernels, paths of regularisation, threads."""
