"""From a stranger's files to a dataset: archives of pictures, IDX pairs, .npz. Knows no HTTP."""
