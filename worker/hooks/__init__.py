"""What happens beside the training loop: reports, samples, checkpoints, publishing, stopping."""
