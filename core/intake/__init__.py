"""From a stranger's files to a dataset: zips of pictures, IDX pairs, .npz. Knows no HTTP."""
