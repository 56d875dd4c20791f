"""What can be trained on."""
