"""What the uses of GANs beside drawing are worth: a module and a command for each."""
